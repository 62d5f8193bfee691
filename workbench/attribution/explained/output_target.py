"""Which number of a model of transformers is explained: a class, a match, a token, a box, a length."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.attention.subject import kind_of
from workbench.attribution.explained.output_fields import VECTORS, Answer, Axes, answer_for, scores_in
from workbench.attribution.targets import Output, Target
from workbench.errors import BadInputError, UnknownNameError, UnsupportedError, did_you_mean
from workbench.formatting import one_line

__all__ = ["OutputTarget", "Text", "output_target"]

_CHOSEN = ("class", "text", "word of the text", "token")  # the axes that a target's index counts
_BEST = ("object query", "patch")  # the axes of which the place of the largest score is the default
_CALLED = {
    "predicted_depth": "depth", "start_logits": "start logit", "end_logits": "end logit",
    "masks_queries_logits": "mask logit", "pred_masks": "mask logit",
    "objectness_logits": "objectness logit",
}  # fmt: skip


@dataclass(frozen=True)
class OutputTarget:
    """A number of each item of an output, and what to call it.

    Attributes:
        of: from the model's output (a mapping of tensors) to one number an item, differentiable.
        target: its name. note: what the reader must know, or "".
    """

    of: Callable[[Mapping[str, Any]], Tensor]
    target: Target
    note: str = ""


@dataclass(frozen=True)
class Text:
    """The tokens that the scores of a language model count: those it reads, or those its decoder writes.

    Attributes:
        count: tokens in all. real: places of those that are no padding. masks: of those known to be masked.
        choice: which of several texts it is, for a model of multiple choice.
    """

    count: int = 0
    real: tuple[int, ...] = ()
    masks: tuple[int, ...] = ()
    choice: int | None = None

    @property
    def last(self) -> int:
        """Place of the last token that is no padding."""
        return self.real[-1] if self.real else 0


def output_target(model: nn.Module, output: Mapping[str, Any], wanted: Output, text: Text) -> OutputTarget:
    """The number that `wanted` names in `output`, which is one plain pass of `model`.

    Where nothing is named: the largest class, the match of picture and text ("yes" minus "no"), the likeliest
    next token of a language model, the surest box of a detector, the best span of an answer; for a model
    without a head, how far its vector reaches.

    Raises:
        BadInputError: the output holds nothing of that name, class or place, or holds many numbers of which
            one must be named. UnsupportedError: what it holds is not known. UnknownNameError: no such label.
    """
    answer = answer_for(output, vocabulary=_vocabulary(model), length=text.count)
    if wanted.name and (answer is None or wanted.name not in answer.scores):
        return _by_name(model, output, wanted)
    if answer is None:
        return _length(model, output, wanted, text.last)
    if answer.default == "span" and not wanted.name:
        return _span(output, wanted, text)
    name = wanted.name or answer.default
    if not name:
        held = [one for one in answer.scores if isinstance(output.get(one), Tensor)]
        raise BadInputError(
            f"{kind_of(model)} answers several questions at once ({', '.join(held)}); name one: "
            f"target=output(name={held[0]!r})."
        )
    scores, axes = output.get(name), answer.scores[name]
    if not isinstance(scores, Tensor):
        raise _no_scores(output, name)
    if scores.ndim != len(axes) + 1:
        return _by_name(model, output, Output(wanted.index, wanted.place, name))
    if axes == ("place", "token"):
        return _token(model, scores, name, wanted, text, answer)
    if len(axes) == 1 and axes != ("place",) and axes != ("patch",):
        if axes == ("choice",) and text.choice is not None:
            told = Target("output", f"logit of choice {text.choice}")
            return OutputTarget(lambda out: out[name][:, 0], told)
        return _class(model, scores, name, wanted, axes[0])
    return _at(model, scores, name, wanted, axes)


def _class(model: nn.Module, scores: Tensor, name: str, wanted: Output, axis: str) -> OutputTarget:
    """One of a row of classes, of texts, of choices; the match of a picture with its text."""
    count = scores.shape[-1]
    if wanted.place is not None:
        raise BadInputError(
            f"place={wanted.place} was given, and {name!r} is one row of {count} classes; leave place out."
        )
    if axis in ("match", "text") and len(scores) == count == 1:
        if wanted.index not in (None, 0):
            raise BadInputError(f"index={wanted.index!r} was given, and there is one text; leave index out.")
        # Of several items each picture meets each text; an item's own text stands on the diagonal.
        pair = Target("output", "logit of the picture with its text")
        return OutputTarget(lambda out: out[name].diagonal(), pair)
    if axis == "match" and wanted.index is None and count == 2:
        return OutputTarget(
            lambda out: out[name][:, 1] - out[name][:, 0], Target("output", "match minus no match")
        )
    labels = _labels(model) if axis == "class" else {}
    index = _index(wanted.index, labels, count, scores[0])
    told = f"logit of {'choice' if axis == 'choice' else 'class'} {index}{_label(labels, index)}"
    only = count == 1 and axis == "class"
    return OutputTarget(
        lambda out: out[name][:, index], Target("output", "the model's only output" if only else told)
    )


def _token(
    model: nn.Module, scores: Tensor, name: str, wanted: Output, text: Text, answer: Answer
) -> OutputTarget:
    """The log probability of one token of the vocabulary at one place."""
    kind, places = kind_of(model), scores.shape[1]
    at = answer.masked or "Masked" in kind or "CTC" in kind
    # Some give the last places only (logits_to_keep), some begin with places of the picture.
    kept = min(places - text.count, 0) if text.count else 0
    place = wanted.place
    if place is None and at:
        if len(text.masks) != 1:
            raise BadInputError(
                f"{kind} gives scores at each of {places} places; name the masked one: "
                "target=output(place=3)."
            )
        place = text.masks[0]
    elif place is None:
        place = text.last + max(places - text.count, 0) if text.count else places - 1
    if isinstance(place, bool) or not isinstance(place, int) or not -places <= place < places - kept:
        raise BadInputError(f"place={place!r} was given; the text has {places - kept} tokens, from 0.")
    place = place if place >= 0 else place + places - kept
    row = place + kept
    if row < 0:
        raise BadInputError(
            f"The model was asked for the scores of its last {places} places only, and place {place} is "
            "before them; leave logits_to_keep out."
        )
    index = _index(wanted.index, {}, scores.shape[-1], scores[0, row])
    target = Target("output", f"log probability of token {index} {'at' if at else 'after'} place {place}")
    front = places - text.count if text.count else 0
    note = f"places count the {front} of the picture, which stand in front of the text" if front > 0 else ""
    return OutputTarget(lambda out: out[name][:, row].log_softmax(dim=-1)[:, index], target, note)


def _at(model: nn.Module, scores: Tensor, name: str, wanted: Output, axes: Axes) -> OutputTarget:
    """One score of a grid of them: of a class at a place, of a box, of a pixel."""
    chosen = next((number for number, axis in enumerate(axes) if axis in _CHOSEN), None)
    free = [number for number in range(len(axes)) if number != chosen]
    shape = scores.shape[1:]
    given = wanted.place if isinstance(wanted.place, tuple) or wanted.place is None else (wanted.place,)
    if given is None and all(axes[number] in _BEST for number in free):
        given = _surest(scores[0], _labels(model) if axes[-1] == "class" else {}, chosen, wanted.index)
    if given is None or len(given) != len(free):
        sizes = " x ".join(f"{size} {_several(axis)}" for size, axis in zip(shape, axes, strict=True))
        middle = tuple(int(shape[number]) // 2 for number in free)
        such = str(middle if len(middle) > 1 else middle[0])
        raise BadInputError(
            f"{kind_of(model)} gives {name!r} of {sizes} and no one number. Name the "
            f"{' and the '.join(axes[number] for number in free)} to explain: target=output(place={such})."
        )
    place = dict(zip(free, given, strict=True))
    for number, at in place.items():
        if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < shape[number]:
            raise BadInputError(
                f"place={wanted.place!r} was given; {_several(axes[number])} of {name!r} are 0 to "
                f"{shape[number] - 1}."
            )
    told = _CALLED.get(name, "logit")
    if chosen is not None:
        labels = _labels(model) if axes[chosen] == "class" else {}
        here = scores[0][tuple(place.get(number, slice(None)) for number in range(len(axes)))]
        place[chosen] = _index(wanted.index, labels, shape[chosen], here)
        told += f" of {axes[chosen]} {place[chosen]}{_label(labels, place[chosen])}"
    elif wanted.index is not None:
        raise BadInputError(f"index={wanted.index!r} was given, and {name!r} has no classes; leave it out.")
    where = (slice(None), *(place[number] for number in range(len(axes))))
    told += " at " + ", ".join(f"{axes[number]} {place[number]}" for number in free)
    return OutputTarget(lambda out: out[name][where], Target("output", told))


def _several(axis: str) -> str:
    return {"object query": "object queries", "word of the text": "words of the text"}.get(
        axis, axis + ("es" if axis.endswith(("s", "ch")) else "s")
    )


def _surest(
    scores: Tensor, labels: Mapping[int, str], chosen: int | None, asked: int | str | None
) -> tuple[int, ...]:
    """The object query (the patch) of the largest score; "no object", where it is a class, is none."""
    if chosen is None:
        return (int(scores.argmax()),)
    count = scores.shape[-1]
    nothing = _has_nothing(labels, count)
    told = scores.softmax(dim=-1) if nothing else scores
    if asked is not None:
        index = _index(asked, labels, count, scores[0])
        told = told[:, index : index + 1]
    elif nothing:
        told = told[:, :-1]
    return (int(told.max(dim=-1).values.argmax()),)


def _has_nothing(labels: Mapping[int, str], count: int) -> bool:
    """Whether the last class of a detector is "no object", which has no label and joins the softmax."""
    return len(labels) == count - 1 > 0


def _span(output: Mapping[str, Any], wanted: Output, text: Text) -> OutputTarget:
    """The start logit plus the end logit of the best span among the tokens that are no padding."""
    if wanted.place is not None or wanted.index is not None:
        raise BadInputError(
            "The model scores where an answer starts and where it ends. Name one of the two with its place, "
            "output(name='start_logits', place=3), or leave both out for the best span."
        )
    start, end = output.get("start_logits"), output.get("end_logits")
    if not isinstance(start, Tensor) or not isinstance(end, Tensor):
        raise _no_scores(output, "start_logits")
    real = torch.tensor([place for place in text.real if place < start.shape[1]] or range(start.shape[1]))
    real = real.to(start.device)
    both = start[0, real][:, None] + end[0, real][None]
    ordered = torch.ones_like(both, dtype=torch.bool).triu()
    best = int(both.masked_fill(~ordered, -torch.inf).argmax())
    first, last = int(real[best // len(real)]), int(real[best % len(real)])
    target = Target("output", f"start logit at place {first} plus end logit at place {last}")
    return OutputTarget(lambda out: out["start_logits"][:, first] + out["end_logits"][:, last], target)


def _by_name(model: nn.Module, output: Mapping[str, Any], wanted: Output) -> OutputTarget:
    """One number of a field that no table knows, at the coordinates that were given."""
    name = wanted.name
    values = output.get(name)
    if not isinstance(values, Tensor) or name not in scores_in(output):
        raise _no_scores(output, name)
    if values.ndim == 2 and wanted.place is None and not _is_of_transformers(model):
        return _class(model, values, name, wanted, "class")
    place = (
        wanted.place if isinstance(wanted.place, tuple) else () if wanted.place is None else (wanted.place,)
    )
    at = (*place, *(() if wanted.index is None else (wanted.index,)))
    shape = tuple(values.shape[1:])
    fits = len(at) == len(shape) and all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one < size
        for one, size in zip(at, shape, strict=True)
    )
    if not fits:
        told = tuple(size // 2 for size in shape)
        raise BadInputError(
            f"{name!r} of {kind_of(model)} holds {' x '.join(map(str, shape))} numbers; name one by its "
            f"place: target=output(name={name!r}, place={told})."
        )
    where = (slice(None), *at)
    return OutputTarget(
        lambda out: out[name][where], Target("output", f"{name} at {', '.join(map(str, at))}")
    )


def _length(model: nn.Module, output: Mapping[str, Any], wanted: Output, last: int) -> OutputTarget:
    """For a model without a head: its vector, measured along the direction it has for this very input.

    Without a pooler (GPT-2) that vector is the state at `last`, from which the text would go on.
    """
    joint = output.get("multimodal_output")
    where = joint if isinstance(joint, Mapping) else output
    name = next((one for one in VECTORS if _is_vector(where.get(one), one)), "")
    if not name or re.search(r"For[A-Z]|LMHead", kind_of(model)):
        raise _no_number(model, output)
    if wanted.index is not None or (wanted.place is not None and name != "last_hidden_state"):
        raise BadInputError(
            f"{kind_of(model)} has no head, so it gives no class and no token; what can be explained is how "
            f"far its {name} reaches: leave target out."
        )
    tokens = where[name].ndim == 3
    place = wanted.place if wanted.place is not None else last if name == "last_hidden_state" else 0
    if tokens and (not isinstance(place, int) or not 0 <= place < where[name].shape[1]):
        raise BadInputError(f"place={place!r} was given; there are {where[name].shape[1]} places, from 0.")

    def vector(out: Mapping[str, Any]) -> Tensor:
        found = (out["multimodal_output"] if where is joint else out)[name]
        return found[:, place] if tokens else found.flatten(1)

    direction = functional.normalize(vector(output).detach()[0], dim=-1)
    note = (
        f"this model has no head, so what is explained is how far its {name} reaches in its own direction; "
        "a model with a head explains its answer"
    )
    told = f"length of {name}" + (f" at place {place}" if tokens else "")
    return OutputTarget(lambda out: vector(out) @ direction, Target("output", told), note)


def _is_vector(value: Any, name: str) -> bool:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return False
    if name.endswith("_embeds"):  # of a projection; some call the states of a picture so
        return value.ndim == 2
    return value.ndim in (2, 3) or (value.ndim == 4 and value.shape[2:] == (1, 1))


def _no_number(model: nn.Module, output: Mapping[str, Any]) -> UnsupportedError:
    held = scores_in(output)
    advice = (
        f" Name one number of it by its place: target=output(name={held[0]!r}, "
        f"place={tuple(size // 2 for size in output[held[0]].shape[1:])})."
        if held
        else ""
    )
    return UnsupportedError(
        f"{kind_of(model)} gives {type(output).__name__} ({', '.join(output)}), in which no score of a "
        f"class, a token or a match is known, so no number is explained by itself.{advice}"
    )


def _no_scores(output: Mapping[str, Any], name: str) -> BadInputError:
    return BadInputError(
        f"The model's output has no scores called {name!r}; it has {', '.join(scores_in(output)) or 'none'}."
    )


def _is_of_transformers(model: nn.Module) -> bool:
    return hasattr(model, "config") and hasattr(model, "base_model_prefix")


def _vocabulary(model: nn.Module) -> int | None:
    config = getattr(model, "config", None)
    for part in ("text_config", "decoder", None):
        found = getattr(getattr(config, part, None) if part else config, "vocab_size", None)
        if isinstance(found, int):
            return found
    return None


def _labels(model: nn.Module) -> dict[int, str]:
    found = getattr(getattr(model, "config", None), "id2label", None) or {}
    return {int(index): str(label) for index, label in found.items()}


def _label(labels: Mapping[int, str], index: int) -> str:
    label = labels.get(index, "")
    return f" “{one_line(label, most=40)}”" if label and not label.startswith("LABEL_") else ""


def _index(asked: int | str | None, labels: Mapping[int, str], count: int, scores: Tensor) -> int:
    if asked is None:
        return int((scores[:-1] if _has_nothing(labels, count) else scores).argmax())
    if isinstance(asked, str):
        names = {label: index for index, label in labels.items() if index < count}
        if asked not in names:
            held = ", ".join(list(names)[:8]) or "no named classes: give a number"
            raise UnknownNameError(
                f"There is no class {asked!r}; there are {held}.{did_you_mean(asked, names)}"
            )
        return names[asked]
    if isinstance(asked, bool) or not isinstance(asked, int) or not 0 <= asked < count:
        raise BadInputError(f"index={asked!r} was given; expected 0 to {count - 1}, or a class's name.")
    return asked
