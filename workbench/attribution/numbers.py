"""Which number of a model of transformers is explained: a class, a match, a token, or a vector's length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from workbench._repr import one_line
from workbench.attribution.targets import Output, Target
from workbench.errors import BadInputError, UnknownNameError, did_you_mean

__all__ = ["Number", "number_of"]

_SCORES = ("itm_score", "logits", "question_answering_score", "itm_logits", "logits_per_image")
_VECTORS = ("pooler_output", "pooled_output", "multimodal_embeddings", "last_hidden_state")


@dataclass(frozen=True)
class Number:
    """A number of each item of an output, and what to call it.

    Attributes:
        of: from the model's output (a mapping of tensors) to one number an item, differentiable.
        target: its name. note: what the reader must know, or "".
    """

    of: Callable[[Mapping[str, Any]], Tensor]
    target: Target
    note: str = ""


def number_of(
    model: nn.Module, output: Mapping[str, Any], wanted: Output, *, last: int, tokens: int
) -> Number:
    """The number that `wanted` names in `output`, which is one plain pass of `model`.

    Where nothing is named: the largest class, the match of picture and text ("yes" minus "no"), the likeliest
    next token of a language model; for a model without a head, how far its vector reaches.

    Args:
        last: place of the last token of the text that is no padding. tokens: tokens of the text.

    Raises:
        BadInputError: the output holds nothing of that name, class or place. UnknownNameError: no such label.
    """
    name = wanted.name or next((one for one in _SCORES if _is_scores(output.get(one))), "")
    if not name:
        return _length(output, max(last, 0))
    scores = output.get(name)
    if not isinstance(scores, Tensor) or not _is_scores(scores):
        held = ", ".join(sorted(one for one in output if _is_scores(output[one]))) or "none"
        raise BadInputError(f"The model's output has no scores called {name!r}; it has {held}.")
    if scores.ndim == 3:
        return _token(model, scores, name, wanted, last, tokens)
    if wanted.place is not None:
        raise BadInputError(
            f"place={wanted.place} was given, and {name!r} is one row of {scores.shape[-1]} classes; "
            "leave place out."
        )
    if wanted.index is None and scores.shape[-1] == 2 and name.startswith("itm"):
        return Number(lambda out: out[name][:, 1] - out[name][:, 0], Target("output", "match minus no match"))
    labels = _labels(model)
    index = _index(wanted.index, labels, scores.shape[-1], scores[0])
    label = labels.get(index, "")
    told = f" “{one_line(label, most=40)}”" if label and not label.startswith("LABEL_") else ""
    target = Target(
        "output", f"logit of class {index}{told}" if scores.shape[-1] > 1 else "the model's logit"
    )
    return Number(lambda out: out[name][:, index], target)


def _token(model: nn.Module, scores: Tensor, name: str, wanted: Output, last: int, tokens: int) -> Number:
    """The log probability of one token of the vocabulary at one place."""
    place = wanted.place
    if place is None:
        if "Masked" in type(model).__name__ or "PreTraining" in type(model).__name__:
            raise BadInputError(
                f"{type(model).__name__} gives scores at each of {tokens} places; name the masked one: "
                "target=output(place=3)."
            )
        place = last
    if not -scores.shape[1] <= place < scores.shape[1]:
        raise BadInputError(f"place={place} was given; the text has {scores.shape[1]} tokens, from 0.")
    place %= scores.shape[1]
    index = _index(wanted.index, {}, scores.shape[-1], scores[0, place])
    after = "after" if "Masked" not in type(model).__name__ else "at"
    target = Target("output", f"log probability of token {index} {after} place {place}")
    return Number(lambda out: out[name][:, place].log_softmax(dim=-1)[:, index], target)


def _length(output: Mapping[str, Any], last: int) -> Number:
    """For a model without a head: its vector, measured along the direction it has for this very input.

    Without a pooler (GPT-2) that vector is the state at `last`, from which the text would go on.
    """
    joint = output.get("multimodal_output")
    where = joint if isinstance(joint, Mapping) else output
    name = next((one for one in _VECTORS if isinstance(where.get(one), Tensor)), "")
    if not name:
        raise BadInputError(
            f"The model's output holds neither scores nor a vector (it has {', '.join(output)}), so there is "
            "no number to explain."
        )

    def vector(out: Mapping[str, Any]) -> Tensor:
        found = (out["multimodal_output"] if where is joint else out)[name]
        return found if found.ndim == 2 else found[:, last if name == "last_hidden_state" else 0]

    direction = functional.normalize(vector(output).detach()[0], dim=-1)
    note = (
        f"this model has no head, so what is explained is how far its {name} reaches in its own direction; "
        "a model with a head explains its answer"
    )
    return Number(lambda out: vector(out) @ direction, Target("output", f"length of {name}"), note)


def _is_scores(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim in (2, 3)


def _labels(model: nn.Module) -> dict[int, str]:
    found = getattr(getattr(model, "config", None), "id2label", None) or {}
    return {int(index): str(label) for index, label in found.items()}


def _index(asked: int | str | None, labels: Mapping[int, str], count: int, scores: Tensor) -> int:
    if asked is None:
        return int(scores.argmax())
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
