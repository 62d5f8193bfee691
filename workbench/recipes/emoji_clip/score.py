"""What the shipped weights can do, measured with the stored files and the verbs that users call.

Every figure stands beside chance. A right answer that shares first place with another one counts as
wrong, so pictures and names that no reader could tell apart are counted against the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import workbench.models
from workbench import data, models
from workbench.axes import unit
from workbench.data.pairs import Pairs, Source, content_key
from workbench.data.pictures import open_picture
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import UnavailableError
from workbench.models.base import DualEncoder
from workbench.recipes.emoji_clip.art import HELD_OUT, SIDE, load_style
from workbench.recipes.emoji_clip.batches import held_out

__all__ = ["FINAL", "STAGE_ONE", "TEMPLATES", "WEIGHTS", "categories", "measure", "ranks", "shares"]

WEIGHTS = Path(workbench.models.__file__).parent / "weights"
FINAL, STAGE_ONE = "emoji-clip", "emoji-clip-heldout"

# The wordings of the ensembles; the first is the bare name.
TEMPLATES = {
    "en": ("{}", "a picture of {}", "a drawing of a {}", "the {} emoji", "the {} symbol"),
    "zh": ("{}", "{}的图片", "一张{}的图片", "画的是{}", "{}图标"),
}
_NOT_MEASURED = (
    "not measured: OpenMoji is not on this machine; run `python -m workbench.recipes.emoji_clip fetch` "
    "first, with the extra `recipes` and npm installed"
)

Figures = dict[str, Any]
Floats = NDArray[np.float32]


def measure(
    weights: Path = WEIGHTS, work: Path | None = None, *, fetch_style: bool = False
) -> dict[str, Figures]:
    """Figures of both models, by name.

    Args:
        weights: the folder that holds the two model folders.
        work: where the recipe keeps drawings; needed for the figures on OpenMoji alone.
        fetch_style: whether OpenMoji may be downloaded if `work` does not have it. Without it and
            without the drawings, a sentence that says so stands in place of the figures.

    Raises:
        UnavailableError: OpenMoji was to be fetched, and npm or its registry cannot be reached.
    """
    shipped = data.load("emoji")
    styles: dict[str, Pairs | None] = {
        "twemoji": shipped,
        HELD_OUT.name: _open_moji(shipped, work, fetch_style),
    }
    return {
        FINAL: _final(models.load(str(weights / FINAL)), styles),
        STAGE_ONE: _unseen(models.load(str(weights / STAGE_ONE)), styles),
    }


def ranks(queries: Floats, candidates: Floats, right: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many candidates score at least as high as the right one, itself left out; 0 is a hit.

    Shapes:
        queries: item x feature; candidates: class x feature; right: item, a row of `candidates`
        returns: item
    """
    cosine = queries @ candidates.T
    own = cosine[np.arange(len(right)), right]
    # Float32 noise between equal vectors must not decide: they count as a tie, and a tie as a miss.
    return (cosine >= own[:, None] - 1e-6).sum(axis=1) - 1


def shares(placed: NDArray[np.int64], candidates: int) -> Figures:
    """Shares of queries whose right answer came first and among the first five, and what guessing gets."""
    return {
        "first": round(float((placed == 0).mean()), 4),
        "first_five": round(float((placed < 5).mean()), 4),
        "chance_first": round(1 / candidates, 5),
        "chance_first_five": round(min(1.0, 5 / candidates), 5),
        "queries": len(placed),
    }


def categories(pictures: Floats, prototypes: Floats, truth: Sequence[str], names: Sequence[str]) -> Figures:
    """Share of pictures nearest to the vector of their own group, beside the two ways of guessing."""
    predicted = np.array(names)[(pictures @ prototypes.T).argmax(axis=1)]
    right = predicted == np.array(truth)
    by_group = {
        name: round(float(right[np.array(truth) == name].mean()), 3) for name in names if name in truth
    }
    most = max(list(truth).count(name) for name in names)
    return {
        "accuracy": round(float(right.mean()), 4),
        "mean_of_groups": round(float(np.mean(list(by_group.values()))), 4),
        "chance_majority": round(most / len(truth), 4),
        "chance_uniform": round(1 / len(names), 4),
        "by_group": by_group,
    }


def _final(model: DualEncoder, styles: dict[str, Pairs | None]) -> Figures:
    """All 1,914 pictures against all 1,914 names, both ways, bare and with several wordings."""
    found: Figures = {"weights": model.weights_hash}
    for style, pairs in styles.items():
        found[style] = _NOT_MEASURED if pairs is None else _both_ways(model, pairs)
    return found


def _both_ways(model: DualEncoder, pairs: Pairs) -> Figures:
    pictures, everything = embed_pictures(model, pairs), data.load("emoji")
    place = {key: row for row, key in enumerate(everything.columns["hexcode"])}
    right = np.array([place[key] for key in pairs.columns["hexcode"]])
    found: Figures = {"pictures": len(pairs)} | _ceilings(pairs)
    for language in TEMPLATES:
        names = everything.columns[f"name_{language}"]
        bare, several = embed_texts(model, names), _ensemble(model, names, language)
        found[language] = {
            "image_to_text": shares(ranks(pictures, bare, right), len(names)),
            "by_group": _by_group(ranks(pictures, bare, right), pairs.labels or ()),
            "image_to_text_ensemble": shares(ranks(pictures, several, right), len(names)),
            "text_to_image": shares(ranks(bare[right], pictures, np.arange(len(pairs))), len(pairs)),
        }
    return found


def _by_group(placed: NDArray[np.int64], labels: Sequence[str]) -> Figures:
    """Share of right names in first place, group by group, the best group first."""
    of = np.array(labels)
    found = {str(name): round(float((placed[of == name] == 0).mean()), 3) for name in np.unique(of)}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _ceilings(pairs: Pairs) -> Figures:
    """The most that any model can reach: some flags and figures are one drawing under several names."""
    alike = Counter(pairs.picture(item).tobytes() for item in range(len(pairs)))
    return {
        "ceiling_image_to_text": round(len(alike) / len(pairs), 4),
        "ceiling_text_to_image": round(sum(count == 1 for count in alike.values()) / len(pairs), 4),
    }


def _unseen(model: DualEncoder, styles: dict[str, Pairs | None]) -> Figures:
    """What stage 1 knows of the 200 concepts that it never met in any picture or text."""
    found: Figures = {"weights": model.weights_hash}
    for style, pairs in styles.items():
        found[style] = _NOT_MEASURED if pairs is None else _unseen_in(model, pairs)
    return found


def _unseen_in(model: DualEncoder, pairs: Pairs) -> Figures:
    everything, hidden = data.load("emoji"), held_out()
    codes = everything.columns["hexcode"]
    place = {key: row for row, key in enumerate(codes)}
    unseen = np.array([row for row, key in enumerate(codes) if key in hidden])
    judged = pairs[[row for row, key in enumerate(pairs.columns["hexcode"]) if key in hidden]]
    seen = pairs[[row for row, key in enumerate(pairs.columns["hexcode"]) if key not in hidden]]
    pictures, right = (
        embed_pictures(model, judged),
        np.array([place[key] for key in judged.columns["hexcode"]]),
    )
    found: Figures = {"pictures": len(judged)}
    for language in TEMPLATES:
        names = embed_texts(model, everything.columns[f"name_{language}"])
        among = np.searchsorted(unseen, right)
        known = np.array([place[key] for key in seen.columns["hexcode"]])
        found[language] = {
            "among_unseen": shares(ranks(pictures, names[unseen], among), len(unseen)),
            "among_unseen_text_to_image": shares(
                ranks(names[right], pictures, np.arange(len(judged))), len(judged)
            ),
            "among_all": shares(ranks(pictures, names, right), len(names)),
            "seen_among_all": shares(ranks(embed_pictures(model, seen), names, known), len(names)),
        }
    return found | {"groups": _groups(model, pictures, judged)}


def _groups(model: DualEncoder, pictures: Floats, judged: Pairs) -> Figures:
    """Nine-way: each group described by its own words, and by the names of its seen concepts."""
    everything, hidden = data.load("emoji"), held_out()
    labels, truth = everything.labels or (), judged.labels or ()
    names = sorted(set(labels))
    own_words = [unit(embed_texts(model, _group_words(name)).mean(axis=0)) for name in names]
    vectors = embed_texts(model, everything.columns["name_en"])
    codes = everything.columns["hexcode"]
    members = [
        unit(
            vectors[[row for row, key in enumerate(codes) if labels[row] == name and key not in hidden]].mean(
                axis=0
            )
        )
        for name in names
    ]
    return {
        "by_group_words": categories(pictures, np.stack(own_words), truth, names),
        "by_names_of_seen_members": categories(pictures, np.stack(members), truth, names),
    }


def _group_words(name: str) -> list[str]:
    """`Animals & Nature` -> animals, nature: Unicode's own words, lower case."""
    return [word.strip().lower() for word in name.split("&")]


def _ensemble(model: DualEncoder, names: Sequence[str], language: str) -> Floats:
    """Unit mean of the vectors of all wordings of each name, class x feature."""
    each = [embed_texts(model, [form.replace("{}", name) for name in names]) for form in TEMPLATES[language]]
    return unit(np.mean(each, axis=0))


def _open_moji(shipped: Pairs, work: Path | None, fetch_style: bool) -> Pairs | None:
    """OpenMoji's drawings of the same emoji with the same names, or None if they are not here."""
    is_here = work is not None and (work / f"{HELD_OUT.name}-{SIDE}.npz").is_file()
    if not is_here and not fetch_style:
        return None
    if work is None:
        raise UnavailableError(
            "measure() was to fetch OpenMoji but got no folder to keep it in. Give one: "
            "measure(work=Path('build/...'))."
        )
    drawings = load_style(HELD_OUT, work)
    kept = [row for row, key in enumerate(shipped.columns["hexcode"]) if key in drawings]
    chosen = shipped[kept]
    return Pairs(
        name="emoji in OpenMoji's drawings",
        sources=tuple(_source(drawings[key]) for key in chosen.columns["hexcode"]),
        texts=chosen.texts,
        labels=chosen.labels,
        columns=chosen.columns,
        credit="OpenMoji, the open-source emoji and icon project",
        licence=HELD_OUT.licence,
    )


def _source(drawing: NDArray[np.uint8]) -> Source:
    return Source(partial(open_picture, drawing), partial(content_key, drawing))
