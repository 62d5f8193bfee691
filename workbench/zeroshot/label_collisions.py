"""Labels that a model cannot tell apart: capitals, Unicode forms, spaces, quotes that its tokeniser drops.

Such labels have one vector and so one score. Under softmax they halve a probability between them, and which
of them comes first means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from workbench.axes import as_rows
from workbench.calling import verb
from workbench.formatting import one_line, plural
from workbench.results import Ranking
from workbench.zeroshot.scoring import rescore

__all__ = ["Groups", "alike", "alike_note", "as_one"]

Groups = tuple[tuple[int, ...], ...]
"""Places of labels that are read alike, two or more in each group."""

_SAME = 1e-5  # between components of unit vectors: one text, encoded in two batches


@verb
def alike(text: NDArray[np.float32], unread: Sequence[Sequence[str]] = ()) -> Groups:
    """Places of the labels that have the same vector in every wording, two or more in each group.

    Args:
        text: unit vectors, class x template x feature.
        unread: for each label its words that the model does not know. Such labels are alike because nothing
            of them was read, which makes them no one label: they are left out.

    Returns:
        One tuple of places a group, in the order of their first labels.

    Raises:
        BadInputError: `text` has other axes, or holds what is no number.

    Example:
        >>> import numpy as np
        >>> from workbench.zeroshot import alike
        >>> alike(np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[1.0, 0.0]]]))
        ((0, 2),)
    """
    text = as_rows("text", text, "class template feature")
    # Equal vectors are neighbours along any line; comparing all labels with all would take minutes for many.
    line = np.random.default_rng(0).standard_normal(text.shape[-1])
    along = text[:, 0].astype(np.float64) @ line
    order, reach = np.argsort(along, kind="stable"), _SAME * np.abs(line).sum()
    groups: dict[int, list[int]] = {}
    first_of: dict[int, int] = {}
    for at, label in enumerate(order.tolist()):
        for before in order[:at][::-1].tolist():
            if along[label] - along[before] > reach:
                break
            if np.abs(text[label] - text[before]).max() <= _SAME:
                first_of[label] = first_of.get(before, before)
                groups.setdefault(first_of[label], [first_of[label]]).append(label)
                break
    known = [group for group in groups.values() if not any(unread[place] for place in group if unread)]
    return tuple(sorted(tuple(sorted(group)) for group in known))


def alike_note(labels: Sequence[str], groups: Groups, rule: str) -> tuple[str, ...]:
    """One sentence if some labels are read alike; else nothing."""
    if not groups:
        return ()
    shown = " and ".join(repr(one_line(labels[place], most=40)) for place in groups[0][:3])
    share = "share one probability" if rule == "softmax" else "get the same probability"
    more = f", and {plural(len(groups) - 1, 'other group')}" if len(groups) > 1 else ""
    return (
        f"{shown} are read alike by this model and {share}{more}. workbench.zeroshot.as_one(ranking) makes "
        "them one label.",
    )


@verb
def as_one(ranking: Ranking) -> Ranking:
    """The same ranking with one label for those that the model reads alike: the first of each group.

    A picture whose truth is one of them counts as the one that is kept. Nothing is encoded again; a ranking
    whose labels all differ comes back as it is.

    Args:
        ranking: of `classify`.

    Returns:
        A `Ranking` of as many labels as the model tells apart; its notes say which were made one.

    Example:
        >>> from workbench import data, models
        >>> from workbench.zeroshot import as_one, classify
        >>> ranking = classify(models.load("emoji-clip"), data.load("emoji")[:2], ["a cat", "A CAT", "a dog"])
        >>> as_one(ranking).labels
        ('a cat', 'a dog')
    """
    groups = alike(ranking.text, ranking.unread)
    if not groups:
        return ranking
    stands_for = {place: group[0] for group in groups for place in group}
    kept = [place for place in range(len(ranking.labels)) if stands_for.get(place, place) == place]
    row = {place: at for at, place in enumerate(kept)}
    truth = ranking.truth
    if truth is not None:
        truth = np.array([-1 if t < 0 else row[stands_for.get(t, t)] for t in truth.tolist()], dtype=np.int64)
    joined = "; ".join(" = ".join(repr(one_line(ranking.labels[p], most=40)) for p in g) for g in groups[:5])
    said = alike_note(ranking.labels, groups, ranking.rule)
    notes = tuple(note for note in ranking.provenance.notes if note not in said)
    names = tuple(ranking.labels[place] for place in kept)
    one = replace(
        ranking,
        labels=names,
        text=ranking.text[kept],
        cosine=ranking.cosine[:, kept],
        logit=ranking.logit[:, kept],
        probability=ranking.probability[:, kept],
        unread=tuple(ranking.unread[place] for place in kept) if ranking.unread else ranking.unread,
        truth=truth,
        provenance=replace(
            ranking.provenance,
            parameters={**ranking.provenance.parameters, "labels": list(names)},
            notes=(*notes, f"Labels read alike were made one: {joined}."),
        ),
    )
    return rescore(one)
