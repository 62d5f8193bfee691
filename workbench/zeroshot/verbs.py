"""The two verbs: `classify` pictures among labels, `retrieve` candidates for a query."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench._repr import one_line, plural
from workbench.data.pairs import Pairs
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import BadInputError, UnsupportedError
from workbench.models.base import DualEncoder
from workbench.results import OnEvent, Provenance, Ranking, Retrieval, Rule, ShouldStop
from workbench.zeroshot.prompts import check_labels, check_templates, fill
from workbench.zeroshot.scoring import rescore

__all__ = ["classify", "embed_labels", "retrieve", "truncated"]


def classify(
    model: DualEncoder,
    pairs: Pairs,
    labels: Sequence[str],
    *,
    templates: Sequence[str] | None = None,
    rule: Rule | None = None,
    temperature: float = 1.0,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Ranking:
    """Every picture scored against every label.

    `templates=None` takes the wordings calibrated for the model (`model.advice`), else the bare label.
    `rule=None` takes the rule the model was trained with: "softmax" (shares among these labels)
    or "sigmoid" (one yes or no a label). Probabilities depend on the list of labels and are not
    calibrated; see `reliability`.

    Returns:
        A `Ranking`. Its `.truth` is filled where the data's own labels are on the list.

    Raises:
        BadInputError: no, blank or repeated labels; a template without exactly one `{}`.
        UnsupportedError: the model has no joint space of pictures and texts.
        Cancelled: `should_stop` returned true; the vectors finished so far are kept.

    Source: CLIP, Radford et al. 2021, section 3.1.
    """
    _require(model, "embed_images", "embed_texts")
    if templates is None:
        templates = ("{}",) if model.advice is None else model.advice.templates
    names, wordings = check_labels(labels), check_templates(templates)
    text = embed_labels(model, names, wordings, on_event=on_event, should_stop=should_stop)
    image = embed_pictures(model, pairs, on_event=on_event, should_stop=should_stop)
    settings = {"labels": list(names), "templates": list(wordings), "temperature": temperature, "rule": rule}
    notes = tuple(model.notes) + truncated(model, names, wordings)
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
        truth=_truth(pairs, names),
        pairs=pairs,
        provenance=Provenance(
            "classify", model.card.name, model.weights_hash, pairs.fingerprint, settings, notes=notes
        ),
        live=weakref.ref(model),
    )
    return rescore(unscored, rule=rule, temperature=temperature)


def retrieve(
    model: DualEncoder,
    pairs: Pairs,
    query: str | int,
    *,
    among: Sequence[str] | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Retrieval:
    """Candidates sorted by their cosine with a query, best first.

    A sentence finds pictures of `pairs`. An item number finds texts: those in `among`, else the
    texts of `pairs` themselves.

    Raises:
        BadInputError: an empty sentence, or an item that `pairs` does not have.
    """
    _require(model, "embed_images", "embed_texts")
    provenance = Provenance(
        "retrieve", model.card.name, model.weights_hash, pairs.fingerprint, {"query": query}
    )
    if isinstance(query, str):
        if not query.strip():
            raise BadInputError("The query is empty. Type a word or a sentence to find pictures by.")
        image = embed_pictures(model, pairs, on_event=on_event, should_stop=should_stop)
        text = embed_texts(model, [query.strip()])
        return Retrieval(
            query.strip(), "text to image", tuple(pairs.texts), image @ text[0], pairs, provenance
        )
    if not -len(pairs) <= query < len(pairs):
        raise BadInputError(f"Item {query} was asked for; these pairs have {len(pairs)}, numbered from 0.")
    one = pairs[[query % len(pairs)]]
    texts = tuple(pairs.texts if among is None else check_labels(among))
    vector = embed_pictures(model, one, on_event=on_event, should_stop=should_stop)[0]
    cosine = embed_texts(model, texts, on_event=on_event, should_stop=should_stop) @ vector
    return Retrieval(one.texts[0], "image to text", texts, cosine, pairs, provenance)


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


def _truth(pairs: Pairs, labels: Sequence[str]) -> NDArray[np.int64] | None:
    """item: place in `labels` of the pair's own label, else of its own text; -1 for neither.

    None if no pair has its label or text on the list.
    """
    place = {_folded(label): row for row, label in enumerate(labels)}
    own = pairs.labels if pairs.labels is not None else pairs.texts
    truth = np.array(
        [
            place.get(_folded(label), place.get(_folded(text), -1))
            for label, text in zip(own, pairs.texts, strict=True)
        ],
        dtype=np.int64,
    )
    return truth if (truth >= 0).any() else None


def _folded(text: str) -> str:
    return " ".join(str(text).split()).casefold()


def _require(model: DualEncoder, *needed: str) -> None:
    for capability in needed:
        reason = model.capabilities.get(capability, "it was not found when the model was loaded")
        if reason is not None:
            raise UnsupportedError(
                f"{model.card.name} cannot {capability.replace('_', ' ')}: {reason}. "
                "Load a dual encoder, such as 'emoji-clip' or 'photo-lite'."
            )
