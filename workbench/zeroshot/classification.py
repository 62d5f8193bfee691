"""`classify`: every picture scored against every label, from the vectors of both."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.data.pairs import Pairs
from workbench.data.pairs_input import PairsLike, as_pairs, notes_of
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import UnsupportedError
from workbench.formatting import one_line, plural
from workbench.models.base import DualEncoder
from workbench.models.given import Named, as_encoder
from workbench.results import OnEvent, Provenance, Ranking, Rule, ShouldStop
from workbench.values import is_missing
from workbench.zeroshot.label_collisions import Groups, alike, alike_note
from workbench.zeroshot.prompts import check_labels, check_templates, fill
from workbench.zeroshot.scoring import rescore
from workbench.zeroshot.vocabulary_coverage import unread_note, unread_words, web_note

__all__ = ["classify", "embed_labels", "require_capabilities", "truncated"]

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
    require_capabilities(model, "embed_images", "embed_texts")
    pairs = as_pairs(given)
    if templates is None:
        templates = ("{}",) if model.advice is None else model.advice.templates
    names, wordings = check_labels(labels), check_templates(templates)
    text = embed_labels(model, names, wordings, on_event=on_event, should_stop=should_stop)
    image = embed_pictures(model, pairs, on_event=on_event, should_stop=should_stop)
    unread = unread_words(model, names)
    groups = alike(text, unread)
    for group in groups:
        text[list(group)] = text[group[0]]  # to the last bit: a rounding must not choose between them
    notes = _notes(model, names, wordings, unread, groups, rule or model.rule)
    notes = (*notes, *notes_of(given, pairs), *_divided_twice(model, temperature))
    settings = {"labels": list(names), "templates": list(wordings), "temperature": temperature, "rule": rule}
    unscored = _unscored(model, pairs, names, wordings, image, text, settings, notes)
    unscored = replace(unscored, truth=_truth(pairs, names, groups), unread=unread)
    return rescore(unscored, rule=rule, temperature=temperature)


def _unscored(
    model: DualEncoder,
    pairs: Pairs,
    names: tuple[str, ...],
    wordings: tuple[str, ...],
    image: NDArray[np.float32],
    text: NDArray[np.float32],
    settings: dict[str, Any],
    notes: tuple[str, ...],
) -> Ranking:
    """What `rescore` scores: the vectors, and a score of 0 for everything."""
    empty = np.zeros((len(image), len(names)), dtype=np.float32)
    active = np.ones(len(wordings), dtype=bool)
    provenance = Provenance(
        "classify", model.card.name, model.weights_hash, pairs.fingerprint, settings, notes=notes
    )
    return Ranking(
        names, wordings, image, text, empty, empty, empty, active, model.rule, model.scale, model.bias,
        names=tuple(pairs.texts), pairs=pairs, provenance=provenance, live=weakref.ref(model),
    )  # fmt: skip


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


def require_capabilities(model: DualEncoder, *needed: str) -> None:
    """Refuse a model that lacks one of these, with the reason found when it was loaded.

    Raises:
        UnsupportedError: it cannot do what is needed.
    """
    for capability in needed:
        reason = model.capabilities.get(capability, "it was not found when the model was loaded")
        if reason is not None:
            raise UnsupportedError(
                f"{model.card.name} cannot {capability.replace('_', ' ')}: {reason}. "
                "Load a dual encoder, such as 'emoji-clip' or 'photo-lite'."
            )
