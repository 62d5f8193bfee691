"""The two verbs: `classify` pictures among labels, `retrieve` candidates for a query."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from workbench._repr import one_line, plural
from workbench.calling import verb
from workbench.data.given import PairsLike, as_pairs, is_picture, notes_of
from workbench.data.pairs import Pairs
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import UnsupportedError
from workbench.models.base import DualEncoder
from workbench.models.given import Named, as_encoder
from workbench.results import OnEvent, Provenance, Ranking, Retrieval, Rule, ShouldStop
from workbench.values import is_missing
from workbench.zeroshot.alike import Groups, alike, alike_note
from workbench.zeroshot.prompts import check_labels, check_templates, fill
from workbench.zeroshot.queries import Direction, check_query, several_queries
from workbench.zeroshot.reading import unread_note, unread_words, web_note
from workbench.zeroshot.scoring import rescore

__all__ = ["classify", "embed_labels", "retrieve", "truncated"]

_MEANT_FOR_COSINES = 0.1  # temperatures of trained dual encoders are .01 to .07; nobody calibrates to these


@verb
def classify(
    model: Named,
    pairs: PairsLike,
    labels: Iterable[str],
    *,
    templates: Sequence[str] | None = None,
    rule: Rule | None = None,
    temperature: float = 1.0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Ranking:
    """Every picture scored against every label.

    Probabilities depend on the list of labels and are not calibrated; see `reliability`.

    Args:
        model: a loaded model, or a name that `models.load` takes.
        pairs: of `data.load`, or pictures in any form that `data.from_pictures` takes.
        labels: what a picture may be, in words; each once.
        templates: wordings with one `{}` each; None takes those calibrated for the model (`model.advice`),
            else the bare label.
        rule: "softmax" (shares among these labels) or "sigmoid" (one yes or no a label); None takes the rule
            the model was trained with.
        temperature: divides the model's own logits, which are its scale (often 100) times the cosine: 1
            leaves them as trained, and .01 is not what CLIP calls its temperature.
        on_event, should_stop: hears each batch that is done; asked before each.

    Returns:
        A `Ranking`; `.probability` is item x class. Its `.truth` is filled where the data's own labels are on
        the list: as they are written, else without regard to capitals where that leaves one label. Of
        labels that the model reads alike the first stands for all, in `.truth` as in `.best`, since nothing
        the model gives tells them apart.

    Raises:
        BadInputError: no, blank or repeated labels; a template without exactly one `{}`.
        UnsupportedError: the model has no joint space of pictures and texts.
        Cancelled: `should_stop` returned true; the vectors finished so far are kept.

    Source: CLIP, Radford et al. 2021, section 3.1.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import classify
        >>> emoji = data.load("emoji")
        >>> cat = emoji[[emoji.texts.index("cat face")]]
        >>> ranking = classify("emoji-clip", cat, ["a pizza", "a cat", "a rocket"])
        >>> ranking.probability.shape, ranking.labels[ranking.best[0]]
        ((1, 3), 'a cat')
    """
    model, given = as_encoder(model), pairs
    _require(model, "embed_images", "embed_texts")
    pairs = as_pairs(given)
    if templates is None:
        templates = ("{}",) if model.advice is None else model.advice.templates
    names, wordings = check_labels(labels), check_templates(templates)
    text = embed_labels(model, names, wordings, on_event=on_event, should_stop=should_stop)
    image = embed_pictures(model, pairs, on_event=on_event, should_stop=should_stop)
    settings = {"labels": list(names), "templates": list(wordings), "temperature": temperature, "rule": rule}
    unread = unread_words(model, names)
    groups = alike(text, unread)
    for group in groups:
        text[list(group)] = text[group[0]]  # to the last bit: a rounding must not choose between them
    notes = _notes(model, names, wordings, unread, groups, rule or model.rule)
    notes = (*notes, *notes_of(given, pairs), *_divided_twice(model, temperature))
    empty = np.zeros((len(image), len(names)), dtype=np.float32)
    unscored = Ranking(
        labels=names,
        templates=wordings,
        image=image,
        text=text,
        cosine=empty,
        logit=empty,
        probability=empty,
        active=np.ones(len(wordings), dtype=bool),
        rule=model.rule,
        scale=model.scale,
        bias=model.bias,
        names=tuple(pairs.texts),
        truth=_truth(pairs, names, groups),
        unread=unread,
        pairs=pairs,
        provenance=Provenance(
            "classify", model.card.name, model.weights_hash, pairs.fingerprint, settings, notes=notes
        ),
        live=weakref.ref(model),
    )
    return rescore(unscored, rule=rule, temperature=temperature)


@overload
def retrieve(
    model: Named,
    pairs: PairsLike,
    query: list[Any] | tuple[Any, ...],
    *,
    among: Iterable[str] | None = ...,
    on_event: OnEvent | None = ...,
    should_stop: ShouldStop | None = ...,
) -> tuple[Retrieval, ...]: ...
@overload
def retrieve(
    model: Named,
    pairs: PairsLike,
    query: Any,
    *,
    among: Iterable[str] | None = ...,
    on_event: OnEvent | None = ...,
    should_stop: ShouldStop | None = ...,
) -> Retrieval: ...
@verb
def retrieve(
    model: Named,
    pairs: PairsLike,
    query: Any,
    *,
    among: Iterable[str] | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Retrieval | tuple[Retrieval, ...]:
    """Candidates sorted by their cosine with a query, best first.

    A sentence finds pictures of `pairs`. An item number finds texts: those in `among`, else the
    texts of `pairs` themselves. A picture finds pictures of `pairs`; texts, where `among` names some.

    Args:
        model: a loaded model, or a name that `models.load` takes.
        pairs: of `data.load`, or pictures in any form that `data.from_pictures` takes.
        query: a sentence, the number of an item, or a picture (Pillow's, a path, an array, a tensor, a
            `Pair`); or several, in a list, an array or a column of a table.
        among: texts to find, for a picture or an item.
        on_event, should_stop: hears each batch that is done; asked before each.

    Returns:
        A `Retrieval`; a tuple of them, in their order, for several queries.

    Raises:
        BadInputError: an empty sentence, an item that `pairs` does not have, or no query.
        UnsupportedError: the model has no joint space of pictures and texts.
        Cancelled: `should_stop` returned true; the vectors finished so far are kept.

    Example:
        >>> from workbench import data
        >>> from workbench.zeroshot import retrieve
        >>> emoji = data.load("emoji")
        >>> some = emoji[[emoji.texts.index(text) for text in ("pizza", "cat face", "rocket")]]
        >>> retrieve("emoji-clip", some, "a cat").top(1)[0][0]
        'cat face'
    """
    model, given = as_encoder(model), pairs
    _require(model, "embed_images", "embed_texts")
    pairs = as_pairs(given)
    several = several_queries(query)
    for one in [query] if several is None else several:
        check_query(one, len(pairs), among)
    texts = None if among is None else check_labels(among)
    options: dict[str, Any] = {"on_event": on_event, "should_stop": should_stop}
    found = [
        _found(model, pairs, one, texts, notes_of(given, pairs), options)
        for one in ([query] if several is None else several)
    ]
    return found[0] if several is None else tuple(found)


def _found(
    model: DualEncoder,
    pairs: Pairs,
    query: Any,
    among: tuple[str, ...] | None,
    read: tuple[str, ...],
    options: dict[str, Any],
) -> Retrieval:
    asked: Any
    if isinstance(query, str) and not is_picture(query):
        said, asked, notes = query.strip(), query, (*web_note(model, [query]), *read)
        vector = embed_texts(model, [said])[0]
        direction: Direction = "text to image"
    elif is_picture(query):
        one = as_pairs(query)
        said = asked = one.texts[0] or "a picture"
        notes = (*read, *notes_of(query, one))
        vector = embed_pictures(model, one, **options)[0]
        direction = "image to image" if among is None else "image to text"
    else:
        asked, notes = int(query), read
        one = pairs[[asked % len(pairs)]]
        said, direction = one.texts[0], "image to text"
        vector = embed_pictures(model, one, **options)[0]
    if direction == "image to text":
        names = tuple(pairs.texts if among is None else among)
        cosine = embed_texts(model, names, **options) @ vector
    else:
        names, cosine = tuple(pairs.texts), embed_pictures(model, pairs, **options) @ vector
    provenance = Provenance(
        "retrieve", model.card.name, model.weights_hash, pairs.fingerprint, {"query": asked}, notes=notes
    )
    return Retrieval(said, direction, names, cosine, pairs, provenance)


def _divided_twice(model: DualEncoder, temperature: float) -> tuple[str, ...]:
    """A note where a temperature is small enough to have been meant for cosines, as CLIP's 1 / scale is."""
    if not 0 < temperature <= _MEANT_FOR_COSINES or abs(model.scale) < 2:
        return ()
    return (
        f"temperature={temperature:g} divides this model's own logits, which already are {model.scale:.4g} "
        "times "
        f"the cosine, so that one is multiplied by {model.scale / temperature:,.0f} and probabilities are "
        "saturated. For those the model was trained to give, leave it at 1.",
    )


def embed_labels(
    model: DualEncoder,
    labels: Sequence[str],
    templates: Sequence[str],
    *,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> NDArray[np.float32]:
    """Unit vectors of every label in every template, class x template x feature.

    A label or template that was there before costs nothing: texts are remembered one by one.
    """
    sentences = [fill(label, template) for label in labels for template in templates]
    vectors = embed_texts(model, sentences, on_event=on_event, should_stop=should_stop)
    return vectors.reshape(len(labels), len(templates), -1)


def truncated(model: DualEncoder, labels: Sequence[str], templates: Sequence[str]) -> tuple[str, ...]:
    """A note if a sentence is longer than the model reads, so that its end does not count; else empty."""
    longest = max(templates, key=len)
    # No tokeniser spends more than one token on a byte, so only texts that could be too long are cut up.
    room = (model.card.text_length or 0) - 2
    long = [label for label in labels if len(fill(label, longest).encode()) > room]
    cut = [label for label in long if model.tokens(fill(label, longest)).truncated]
    if not cut:
        return ()
    limit = model.tokens(fill(cut[0], longest)).limit
    return (
        f"{plural(len(cut), 'label')} longer than the {limit} tokens this model reads; the end is ignored, "
        f"first in {one_line(cut[0], most=40)!r}.",
    )


def _notes(
    model: DualEncoder,
    labels: Sequence[str],
    templates: Sequence[str],
    unread: Sequence[Sequence[str]],
    groups: Groups,
    rule: Rule,
) -> tuple[str, ...]:
    cut, shared = truncated(model, labels, templates), alike_note(labels, groups, rule)
    return (*model.notes, *cut, *unread_note(labels, unread), *web_note(model, labels), *shared)


def _truth(pairs: Pairs, labels: Sequence[str], groups: Groups) -> NDArray[np.int64] | None:
    """item: place in `labels` of the pair's own label, else of its own text; -1 for neither.

    A name that differs from several labels by its capitals alone, and is none of them, has no place, unless
    the model reads them alike. None if no pair has its label or text on the list.
    """
    stands_for = {place: group[0] for group in groups for place in group}
    exact = {label: stands_for.get(row, row) for row, label in enumerate(labels)}
    folded: dict[str, set[int]] = {}
    for label, row in exact.items():
        folded.setdefault(label.casefold(), set()).add(row)

    def place(name: object) -> int:
        said = " ".join(str(name).split())
        found = {exact[said]} if said in exact else folded.get(said.casefold(), set())
        return next(iter(found)) if len(found) == 1 else -1

    own = pairs.labels if pairs.labels is not None else pairs.texts
    truth = np.full(len(pairs), -1, dtype=np.int64)
    for row, names in enumerate(zip(own, pairs.texts, strict=True)):
        found = [place(name) for name in names if not is_missing(name)]
        truth[row] = next((at for at in found if at >= 0), -1)
    return truth if (truth >= 0).any() else None


def _require(model: DualEncoder, *needed: str) -> None:
    for capability in needed:
        reason = model.capabilities.get(capability, "it was not found when the model was loaded")
        if reason is not None:
            raise UnsupportedError(
                f"{model.card.name} cannot {capability.replace('_', ' ')}: {reason}. "
                "Load a dual encoder, such as 'emoji-clip' or 'photo-lite'."
            )
