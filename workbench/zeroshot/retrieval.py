"""`retrieve`: candidates sorted by their cosine with a query: a sentence, an item, a picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, overload

from workbench.calling import verb
from workbench.data.pairs import Pairs
from workbench.data.pairs_input import PairsLike, as_pairs, is_picture, notes_of
from workbench.embedding import embed_pictures, embed_texts
from workbench.models.base import DualEncoder
from workbench.models.given import Named, as_encoder
from workbench.results import OnEvent, Provenance, Retrieval, ShouldStop
from workbench.zeroshot.classification import require_capabilities
from workbench.zeroshot.prompts import check_labels
from workbench.zeroshot.retrieval_queries import Direction, check_query, several_queries
from workbench.zeroshot.vocabulary_coverage import web_note

__all__ = ["retrieve"]


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
    require_capabilities(model, "embed_images", "embed_texts")
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
