"""What a map explains: one number of a pair, named in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import one_line
from workbench.values import as_sentences

__all__ = ["Output", "Target", "as_target", "contrast", "logit", "output", "probability", "similarity"]

Kind = Literal["similarity", "logit", "contrast", "probability", "output"]


@dataclass(frozen=True)
class Target:
    """One number that a model gives a picture.

    Attributes:
        kind: "similarity" (cosine with `text`), "logit" (the model's scale * cosine + bias), "contrast"
            (cosine with `text` minus cosine with `against[0]`) or "probability" (log of the share of
            `text` among itself and `against`, in nats; for sigmoid models log of its own probability); or
            "output", a number of a model that is no dual encoder: `text` says which.
        text: the text whose words are explained.
        against: the other text, or the other labels.
    """

    kind: Kind
    text: str
    against: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text the target needs, the explained one first."""
        return (self.text, *self.against)

    def __str__(self) -> str:
        if self.kind == "output":
            return self.text
        text = f"“{one_line(self.text, most=50)}”"
        if self.kind == "contrast":
            return f"cosine with {text} minus cosine with “{one_line(self.against[0], most=50)}”"
        if self.kind == "probability":
            return f"log probability of {text} among {len(self.texts)} labels"
        return f"{'logit of' if self.kind == 'logit' else 'cosine with'} {text}"


@verb
def similarity(text: str) -> Target:
    """The cosine of the picture with a text, as a target of `attribute`.

    Args:
        text: any words, such as "a cat".

    Returns:
        A `Target`.

    Raises:
        BadInputError: there are no words in it.

    Example:
        >>> from workbench.attribution import similarity
        >>> print(similarity("a cat"))
        cosine with “a cat”
    """
    return Target("similarity", _checked(text))


@verb
def logit(label: str) -> Target:
    """The logit of a label, as a target of `attribute`: the model's scale times the cosine, plus its bias.

    Args:
        label: the text that stands for the label, such as "a photo of a cat".

    Returns:
        A `Target`.

    Raises:
        BadInputError: there are no words in it.

    Example:
        >>> from workbench.attribution import logit
        >>> print(logit("a cat"))
        logit of “a cat”
    """
    return Target("logit", _checked(label))


@verb
def contrast(text: str, other: str) -> Target:
    """The cosine with one text minus that with another: why the first rather than the second.

    Args:
        text: the text whose words are explained.
        other: the text that it is held against.

    Returns:
        A `Target`.

    Raises:
        BadInputError: one of them has no words, or they are the same.

    Example:
        >>> from workbench.attribution import contrast
        >>> print(contrast("a cat", "a dog"))
        cosine with “a cat” minus cosine with “a dog”
    """
    if _checked(text) == _checked(other):
        raise BadInputError(
            f"The contrast of {text!r} with itself is always 0; give two different texts, "
            "contrast('a cat', 'a dog')."
        )
    return Target("contrast", text, (other,))


@verb
def probability(label: str, among: Sequence[str]) -> Target:
    """The log of a label's share among several labels, in nats; of sigmoid models of its own probability.

    Args:
        label: the label that is explained.
        among: all labels; `label` itself may be among them or not.

    Returns:
        A `Target`.

    Raises:
        BadInputError: there is no other label, or one has no words.

    Example:
        >>> from workbench.attribution import probability
        >>> print(probability("a cat", ["a cat", "a dog", "a bird"]))
        log probability of “a cat” among 3 labels
    """
    listed = as_sentences(among, what="among")
    others = tuple(_checked(text) for text in dict.fromkeys(listed) if text != label)
    if not others:
        raise BadInputError(f"among holds no other label than {label!r}; a share needs at least two.")
    return Target("probability", _checked(label), others)


@dataclass(frozen=True)
class Output:
    """Which scalar of a model's output to explain; see `output`, which makes it.

    Attributes:
        index: a class or a token, by its number or its label; None for the largest.
        place: index of a token, of an object query, or (row, column); None for the model's own choice.
        name: of the field of the output; "" for the one that the model's kind has.
    """

    index: int | str | None = None
    place: int | tuple[int, ...] | None = None
    name: str = ""


@verb
def output(
    index: int | str | None = None, *, place: int | Sequence[int] | None = None, name: str = ""
) -> Output:
    """A scalar of a model's own output: a class's logit, the log probability of a token, a box, a pixel.

    For models that are no dual encoders.

    Args:
        index: a class (its number, or its label), a text of a detector, or a token's id; None takes the
            largest.
        place: of the token, for language models: the masked one, or the one after which it comes; with a
            decoder it counts `decoder_input_ids`. For a detector the object query, for a mask or a depth
            (row, column); for any other field the coordinates of one number.
        name: of the field of the model's output, where it has several: "itm_score", "start_logits".

    Returns:
        An `Output`, to be given as `attribute(model, inputs, target=...)`.

    Example:
        >>> from workbench.attribution import output
        >>> output("cat").index, output(place=[3, 4], name="logits").place
        ('cat', (3, 4))
    """
    return Output(index, tuple(place) if isinstance(place, Sequence) else place, name)


def as_target(target: Target | Output | str | int | Sequence[str] | None, text: str) -> Target:
    """`None` is the similarity to the pair's own `text`, a string that to it, two strings a contrast."""
    if isinstance(target, Target):
        return target
    if target is None:
        if not text.strip():
            raise BadInputError(
                "The pair has no text, so there is no similarity to explain. Give a target: "
                "attribute(model, pair, target='a cat')."
            )
        return similarity(text)
    if isinstance(target, str):
        return similarity(target)
    if isinstance(target, Sequence) and len(target) == 2 and all(isinstance(part, str) for part in target):
        return contrast(*target)
    raise BadInputError(
        f"target is {one_line(repr(target))}; expected a text, two texts (a contrast), or one of "
        "similarity(), logit(), contrast(), probability(). (output() is for models given their own tensors.)"
    )


def _checked(text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise BadInputError(f"A target's text is {one_line(repr(text))}; expected words such as 'a cat'.")
    return text
