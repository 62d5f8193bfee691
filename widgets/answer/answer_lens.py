"""`AnswerLens`: one answer, every word clickable: where it looks, what it rests on, what else it could be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from widgets import esm, wire
from widgets.answer.answer_code import as_python
from widgets.answer.answer_snapshot import lens_snapshot
from widgets.answer.answer_view import answer_view, bits_view, heatmap_view, pack
from widgets.answer.reading import Shown, picture_of
from widgets.answer.traits import CHOICES, HOW, settings_of
from widgets.answer.tree import Tree
from widgets.answer.writing import EXPLAINING, MAPS, OTHER, RELIANCE, WRITING, Writing
from widgets.snapshot import Snapshot
from workbench.calling import verb
from workbench.errors import BadInputError, WorkbenchError
from workbench.generation import Answer, Beams

__all__ = ["AnswerLens"]

_SIDE = 768  # pixels of the picture sent: a smaller one is enlarged in the browser, not here
_LOOKED = ("selected", "patch", "page", "map", "layer", "row", "opacity", "node", "shown_width")


class AnswerLens(Writing):
    """Click a word of an answer: its patches, its attention by layer, and what the model could have said.

    Everything that was read comes once, as bytes: clicking asks no kernel. Writing, branching, relevance and
    measuring ask the model. Every public trait is the user's choice, and can be given, read and set. Here
    everything is counted from 0, on the screen from 1.

    Attributes:
        selected: steps of the answer: the tokens of the word looked at.
        patch: the chosen patch, counted row by row; words are then coloured by how much they look at it.
        page: "answer", or "beam": the tree of what was looked at.
        map: over the picture: "attention", attention "minus" that under another picture, "relevance",
            "occlusion".
        layer: of the attention; None is the mean of all layers.
        row: "producing" (the row that chose the word) or "reading" (the row after, that reads it).
        opacity: of the map where it is largest, 0 to 1.
        node: the node of the tree whose path is the answer. shown_width: beams that are drawn; None for all.
        part: what the bars are about once it is measured: "others" (the picture exchanged), "blur", "mean",
            "instruction", "history"; "" takes the first of them.
        prompt: the instruction of the next answer.
        how, width, length_penalty, temperature, top_k, top_p, seed, max_new_tokens: of the next answer;
            temperature, top_k and top_p also of the alternatives on the screen.

    Example:
        >>> import numpy as np
        >>> from widgets import AnswerLens
        >>> from workbench.generation import Answer
        >>> row = np.log([[0.9, 0.1]])
        >>> answer = Answer("a star", ("a star",), np.array([5]), row[:, 0], np.array([0.3]), np.array([0]),
        ...                 np.array([[5, 7]]), row, (("a star", "a cross"),))
        >>> lens = AnswerLens(answer)
        >>> lens.selected, lens.answer.text
        ([0], 'a star')
    """

    _esm = esm.script("answer/board")
    _css = esm.style("shared/base", "answer/board")

    @verb
    def __init__(
        self,
        result: Answer | Beams,
        *,
        model: Any = None,
        attention: Any = None,
        other: Any = None,
        reliance: Any = None,
        pool: Any = None,
        truths: Mapping[int, bool] | None = None,
        **choices: Any,
    ) -> None:
        """A lens on an answer, or on a search and its best answer.

        Args:
            result: of `write` or `search`.
            model: the `Writer`; by default the one that wrote it, while somebody holds it.
            attention: a `WordAttention`; read from the model where it is at hand.
            other: the `WordAttention` of the same answer forced on another picture.
            reliance: what `rely` found for this answer.
            pool: other pictures of the same set, such as `pairs[:40]`, that the picture is exchanged for;
                without them it is blurred instead.
            truths: node of the search -> whether what ends there is true.
            choices: any public trait by name.

        Raises:
            BadInputError: an empty answer or search, or a choice that does not fit it.
        """
        unknown = sorted(set(choices) - set(CHOICES))
        if unknown:
            raise BadInputError(f"An answer lens has no {unknown[0]!r}; it has {', '.join(CHOICES)}.")
        tree = Tree.of(result, truths)
        answer = result if isinstance(result, Answer) else tree.answer(tree.best(), result)
        usual = tree.node_of(answer)
        if choices.get("node", usual) != usual:
            answer = tree.answer(tree.checked(choices["node"]), result)
        if not len(answer):
            raise BadInputError("The answer is empty: there is no word to look at. Write another.")
        for name, one in (("attention", attention), ("other", other)):
            if one is not None and len(one) != len(answer):
                raise BadInputError(
                    f"{name} is of {len(one)} tokens; the answer has {len(answer)}. Read it for this answer: "
                    "word_attention(replay(model, answer), answer)."
                )
        held = model if model is not None else result.model
        start: dict[str, Any] = {
            "page": "beam" if isinstance(result, Beams) else "answer",
            "prompt": answer.prompt,
        }
        first = next((step for step, piece in enumerate(answer.pieces) if piece.strip()), 0)
        start |= settings_of(answer.how) | {"selected": list(answer.words[answer.word_at(first)][:1])}
        start |= {"max_new_tokens": int(answer.provenance.parameters.get("max_new_tokens", 64))}
        super().__init__(answer, tree, held, pool, node=usual, **start)
        self._attention, self._other_attention, self._reliance = attention, other, reliance
        self._usual = {name: getattr(self, name) for name in CHOICES}
        self._usual["selected"] = self.selected = self._word(first)
        self._last = {"selected": self.selected, "patch": None, "layer": None, "node": self.node}
        for name in (name for name in CHOICES if name in choices):
            setattr(self, name, choices[name])
        self._check()
        self._last = {name: getattr(self, name) for name in self._last}
        self._publish()
        self.on_msg(self._on_message)
        self.observe(self._on_looked, list(_LOOKED))
        self.observe(self._on_map, ["map", "selected"])
        self.observe(self._on_node, "node")
        self.observe(lambda _change: self._write_code(), [*HOW, "prompt"])
        with self._reported("map"):
            self._explain()
        self._read()

    @property
    def word(self) -> str:
        """The selected words, as they are written."""
        return "".join(self._answer.pieces[step] for step in self.selected).strip()

    def write(self, prompt: str | None = None, *, start: tuple[int, ...] = ()) -> None:
        """Write another answer in the background, as the traits say; `wait()` for it.

        Args:
            prompt: another instruction; None keeps the one on the screen.
            start: ids of tokens that it begins with.

        Raises:
            WorkbenchError: the model is not at hand.
        """
        self.prompt = self.prompt if prompt is None else prompt
        self._write(start=start)

    def take(self, step: int, token: int) -> None:
        """Go on from `token` instead of what stands at `step`, in the background.

        Raises:
            WorkbenchError: there is no such step, or the model is not at hand.
        """
        self._take(step, token)

    def measure(self) -> None:
        """Measure how many bits each word loses without the picture, in the background.

        Raises:
            WorkbenchError: the model is not at hand.
        """
        self._rely()

    def code(self) -> str:
        """Python that shows this lens again; a picture that was never a file is written down."""
        return self._as_python(write=True)

    def snapshot(self) -> Snapshot:
        """The lens as a static page and picture, with the numbers behind it."""
        with self._lock:
            return lens_snapshot(self._shown(), code=self._as_python(write=False))

    # What the user changed -------------------------------------------------------------------

    def _on_looked(self, change: dict[str, Any]) -> None:
        try:
            self._check()
            self._last = {name: getattr(self, name) for name in self._last}
            self._clear("")
            self._write_code()
        except WorkbenchError as problem:
            for name, value in self._last.items():
                self.set_trait(name, value)  # what was on the screen stays
            self._fail(problem)

    def _on_map(self, _change: dict[str, Any]) -> None:
        with self._reported("map"):
            self._explain()

    def _on_node(self, _change: dict[str, Any]) -> None:
        """The path to a node becomes the answer."""
        with self._reported():
            if self.node is None or not 0 <= self.node < len(self._tree_of.parent):
                return
            if [int(one) for one in self._answer.tokens] == self._tokens(self.node):
                return
            known = self._written.get(self.node)
            self._look_at(known or self._tree_of.answer(self.node, self._answer))
            self._read()

    def _on_message(self, _widget: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        kind = str(content.get("kind"))
        with self._reported(_PLACES.get(kind, "")):
            if kind == "cancel":
                self._cancel(str(content.get("what", "")))
            elif kind == "write":
                self._write()
            elif kind == "stop":
                self._halt()
            elif kind == "take":
                self._take(int(content["step"]), int(content["token"]))
            elif kind == "search":
                self._search()
            elif kind == "measure":
                self._rely()
            elif kind == "upload":
                self._given([bytes(buffer) for buffer in buffers])
            elif kind == "path":
                self._given_path(str(content.get("path", "")))
            elif kind == "keep":
                self.code()
            elif kind == "problem":
                raise BadInputError(str(content.get("message", "")))

    def _cancel(self, job: str) -> None:
        """Of writing, what is there is kept; of all else, what was on the screen before."""
        if job == WRITING and self._writing["on"]:
            self._halt()
        elif job in (WRITING, MAPS, OTHER, EXPLAINING, RELIANCE):
            self._stop(job, said="cancelled")

    def _check(self) -> None:
        steps = len(self._answer)
        outside = [step for step in self.selected if not 0 <= step < steps]
        if outside or not self.selected:
            what = f"step {outside[0]}" if outside else "no step"
            raise BadInputError(f"selected holds {what}; the answer has steps 0 to {steps - 1}.")
        grid = self._grid()
        if self.patch is not None and grid and not 0 <= self.patch < grid[0] * grid[1]:
            raise BadInputError(f"There is no patch {self.patch}; the map has 0 to {grid[0] * grid[1] - 1}.")
        layers = None if self._attention is None else len(self._attention.shares)
        if self.layer is not None and layers is not None and not 0 <= self.layer < layers:
            raise BadInputError(f"There is no layer {self.layer}; there are {layers}, from 0.")
        if self.node is not None:
            self._tree_of.checked(self.node)

    def _grid(self) -> tuple[int, int] | None:
        rows, cols = (0, 0) if self._attention is None else np.shape(self._attention.maps)[2:]
        return (rows, cols) if rows * cols else None

    # What the browser draws ------------------------------------------------------------------

    def _word(self, step: int) -> list[int]:
        return list(range(*self._answer.words[self._answer.word_at(step)]))

    def _tokens(self, node: int) -> list[int]:
        return [self._tree_of.token[one] for one in self._tree_of.path(node)]

    def _look_at(self, answer: Answer) -> None:
        """Another answer on the screen; what was read of the one before goes."""
        with self._lock, self.hold_trait_notifications():
            self._answer = answer
            self._attention = self._other_attention = self._reliance = None
            self._heatmaps = {}
            first = next((step for step, piece in enumerate(answer.pieces) if piece.strip()), 0)
            self.selected, self.patch = self._word(first), None
            self.node = self._tree_of.node_of(answer)
        self._publish()

    def _shown(self) -> Shown:
        return Shown(
            self._answer, self._attention, self._other_attention, self._reliance, dict(self._heatmaps),
            tuple(self.selected), self.map,
            self.layer, self.row, self.opacity, self.part,
        )  # fmt: skip

    def _as_python(self, *, write: bool) -> str:
        chosen = {name: getattr(self, name) for name in CHOICES}
        search = self._tree_of.search_of(self.node)
        # A node has another number in the tree of a single answer, whose last one is shown anyway.
        usual = self._usual | ({"page": "beam"} if search is not None else {"node": self.node})
        told = {name: value for name, value in chosen.items() if value != usual[name]}
        return as_python(self._answer, told, search=search, write=write)

    def _ends(self) -> frozenset[int]:
        """Tokens that end an answer: the model's own; without it, the last of those that ended."""
        if self._model is not None:
            return frozenset(self._model.ends)
        tree = self._tree_of
        return frozenset(tree.token[node] for node in tree.ends if not tree.piece[node].strip())

    def _evidence_notes(self) -> list[str]:
        """What must be known of what was read and measured."""
        found = [one.notes for one in (self._attention, self._reliance) if one is not None]
        return list(dict.fromkeys(note for notes in found for note in notes))

    def _write_code(self) -> None:
        self._code = self._as_python(write=False)

    def _publish(self) -> None:
        with self._lock, self.hold_sync():
            answer = self._answer
            packed = None if self._attention is None else pack(self._attention)
            other = None if self._other_attention is None else pack(self._other_attention)
            picture = picture_of(self._shown())
            self._picture = b"" if picture is None else wire.as_bytes(Image.fromarray(picture), side=_SIDE)
            self._maps = b"" if packed is None else packed.content
            self._other = b"" if other is None else other.content
            self._view = answer_view(answer, self._ends()) | {
                "refusal": self._refusal(),
                "unread": self._unread(),
                "maps": None if packed is None else packed.to_view(),
                "other": None if other is None else other.to_view(),
                "bits": bits_view(self._reliance, len(answer)),
                "evidence": self._evidence_notes(),
                "pictures": len(answer.pictures),
            }
            self._found = {
                f"{name} {step}": heatmap_view(one) for (name, step), one in self._heatmaps.items()
            }
            self._tree = self._tree_of.to_view(self._ends())
            self._write_code()


_PLACES = {"write": "ask", "take": "ask", "search": "ask", "upload": "picture", "path": "picture",
           "measure": "bits"}  # fmt: skip
