"""The `shapes-questions` data: one row a question; the answer needs picture and text."""

from __future__ import annotations

from typing import get_args

from workbench.data.dataset_cards import card
from workbench.data.pairs import Pairs
from workbench.data.scene_language import Language, Question, QuestionKind, questions
from workbench.data.shapes import load_shapes, split_of
from workbench.errors import BadInputError

__all__ = ["load_shapes_questions"]


def load_shapes_questions(
    *, n: int = 1000, seed: int = 0, kind: str | None = None, language: Language = "en"
) -> Pairs:
    """The questions (texts) of `n` drawn scenes, with their only right answer as labels.

    Columns: `kind` ("existence", "count", "colour", "shape", "relation"), `scene`, `things` (the
    objects the answer is read from), `split` ("train" or "test", a fifth of the scenes).

    Args:
        n: scenes; each has about four questions.
        seed: of the scenes, the questions and the split.
        kind: only questions of this kind.
        language: "en" or "zh"; the same things are asked in both.

    Raises:
        BadInputError: `n` below 1, or a kind or language that does not exist.
    """
    kinds = get_args(QuestionKind)
    if kind is not None and kind not in kinds:
        raise BadInputError(f"kind is {kind!r}; questions are of the kinds {', '.join(kinds)}.")
    scenes = load_shapes(n=n, seed=seed, language=language)
    rows: list[tuple[int, Question]] = [
        (item, question)
        for item, scene in enumerate(scenes.columns["scene"])
        for question in questions(scene, seed=seed, language=language)
        if kind in (None, question.kind)
    ]
    return Pairs(
        name="shapes-questions",
        sources=tuple(scenes.sources[item] for item, _ in rows),
        texts=tuple(question.text for _, question in rows),
        labels=tuple(question.answer for _, question in rows),
        columns={
            "kind": tuple(question.kind for _, question in rows),
            "scene": tuple(scenes.columns["scene"][item] for item, _ in rows),
            "things": tuple(question.things for _, question in rows),
            "split": tuple(split_of(seed, item) for item, _ in rows),
        },
        licence=card("shapes-questions").licence,
        code=f"data.load('shapes-questions', n={n}, seed={seed}"
        + (f", kind={kind!r}" if kind is not None else "")
        + (f", language={language!r})" if language != "en" else ")"),
    )
