"""What `photo-lite` can do with photographs it was never trained on, beside chance and ConSE alone.

COCO photographs do not ship. Some of them are measured where they lie in `coco` in the recipe's working
folder, in COCO's own form: `annotations/captions_PART.json`, `annotations/instances_PART.json`, `PART/*.jpg`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import data, models
from workbench.data.pairs import Pairs
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import UnavailableError
from workbench.models.base import DualEncoder
from workbench.models.cards import WEIGHTS
from workbench.recipes.photo_lite.calibrate import Known
from workbench.recipes.photo_lite.train import FOLDERS as METHODS
from workbench.zeroshot import classify

__all__ = ["EIGHT", "METHODS", "coco_figures", "known_photographs", "measure", "recalls"]

EIGHT = {
    "astronaut.png": "a portrait of an astronaut with the American flag",
    "chelsea.png": "a facial photo of a tabby cat",
    "coffee.png": "a cup of coffee on a saucer",
    "rocket.jpg": "a rocket standing on a launchpad",
    "motorcycle_left.png": "a red motorcycle standing in a garage",
    "page.png": "a page of text about segmentation",
    "camera.png": "a person looking at a camera on a tripod",
    "horse.png": "a black-and-white silhouette of a horse",
}
"""The eight photographs of CLIP's own notebook, all inside scikit-image, described as there."""
_NOT_MEASURED = "not measured: no COCO photographs in the folder `coco` of the recipe's working folder"
Figures = dict[str, Any]


def measure(weights: Path = WEIGHTS, work: Path = Path("build/photo-lite")) -> Figures:
    """Figures by method: COCO retrieval and naming, and the eight photographs."""
    found: Figures = {}
    coco = work / "coco"
    for method, name in METHODS.items():
        model = models.load(str(weights / name))
        found[method] = {"eight_photographs": _eight(model)} | (
            {"coco": coco_figures(model, coco)} if coco.is_dir() else {"coco": _NOT_MEASURED}
        )
    return found


def known_photographs(work: Path) -> Known:
    """COCO's photographs that show at least one of its categories, with all its names.

    Raises:
        UnavailableError: there are none in the folder `coco` of `work`.
    """
    if not (work / "coco").is_dir():
        raise UnavailableError(
            f"There are no COCO photographs in {work / 'coco'}. Put some there, in COCO's own form "
            "(annotations/captions_PART.json, annotations/instances_PART.json, PART/*.jpg)."
        )
    pictures, _, _, categories, names, _ = _coco(work / "coco")
    own = np.array([[name in mine for name in names] for mine in categories])
    rows = np.flatnonzero(own.any(axis=1))
    return Known(pictures[rows], names, own[rows], "COCO photographs, by category")


def recalls(cosine: NDArray[np.float32], owner: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Recall at 1, 5 and 10 both ways. `cosine`: text x picture; `owner`: text, the picture it describes.

    A picture counts by the best of its own captions. A tie counts as a miss.
    """
    own = cosine[np.arange(len(owner)), owner]
    place = (cosine >= own[:, None]).sum(axis=1) - 1
    mine = owner[:, None] == np.arange(cosine.shape[1])
    best = np.where(mine, cosine, -np.inf).max(axis=0)
    other = (np.where(mine, -np.inf, cosine) >= best).sum(axis=0)
    ways = {"text_to_image": place, "image_to_text": other}
    return {
        way: {str(k): round(float((rank < k).mean()), 4) for k in (1, 5, 10)} for way, rank in ways.items()
    }


def coco_figures(model: DualEncoder, folder: Path) -> Figures:
    """Retrieval over all captions, each file's own photographs apart, and naming among COCO's 80 names."""
    pictures, captions, owner, categories, names, parts = _coco(folder)
    image, text = embed_pictures(model, pictures), embed_texts(model, captions)
    cosine = text @ image.T
    found: Figures = {"pictures": len(pictures), "captions": len(captions), **recalls(cosine, owner)}
    for part, rows in parts.items():
        mine = np.isin(owner, rows)
        found[part] = recalls(cosine[mine][:, rows], np.searchsorted(rows, owner[mine]))
    found["chance"] = {str(k): round(k / len(pictures), 4) for k in (1, 5, 10)}
    found["one_category"] = one_category(model, pictures, categories, names)
    return found


def one_category(
    model: DualEncoder, pictures: Pairs, categories: Sequence[Sequence[str]], names: list[str]
) -> Figures:
    """Naming the photographs of one category among all names, in the wording that the model advises."""
    single = [row for row, own in enumerate(categories) if len(own) == 1]
    ranking = classify(model, pictures[single], names)
    right = [names.index(categories[row][0]) for row in single]
    return {
        "pictures": len(single),
        "first": round(float((ranking.best == right).mean()), 4),
        "first_five": round(float((ranking.order[:, :5] == np.array(right)[:, None]).any(axis=1).mean()), 4),
        "chance_first": round(1 / len(names), 4),
    }


def _eight(model: DualEncoder) -> Figures:
    """Which of the eight photographs get their own description among the eight."""
    photos = data.load("photos")
    rows = [photos.columns["file"].index(file) for file in EIGHT]
    ranking = classify(model, photos[rows], list(EIGHT.values()), templates=["{}"])
    right = ranking.best == np.arange(len(EIGHT))
    wrong = [file for file, hit in zip(EIGHT, right, strict=True) if not hit]
    return {"right": int(right.sum()), "of": len(EIGHT), "wrong": wrong}


def _coco(
    folder: Path,
) -> tuple[Pairs, list[str], NDArray[np.int64], list[list[str]], list[str], dict[str, NDArray[np.int64]]]:
    """Pictures, captions, the picture of each caption, categories by picture, all names, and rows by file."""
    files: list[Path] = []
    captions: list[str] = []
    owner: list[int] = []
    categories: list[list[str]] = []
    names: list[str] = []
    parts: dict[str, NDArray[np.int64]] = {}
    for path in sorted((folder / "annotations").glob("captions_*.json")):
        part = path.stem.removeprefix("captions_")
        told = json.loads(path.read_text("utf-8"))
        boxes = json.loads((path.parent / f"instances_{part}.json").read_text("utf-8"))
        by_id = {row["id"]: row["name"] for row in boxes["categories"]}
        names = list(by_id.values())
        first = len(files)
        for row in told["images"]:
            mine = [one["caption"].strip() for one in told["annotations"] if one["image_id"] == row["id"]][:5]
            owner += [len(files)] * len(mine)
            captions += mine
            seen = {by_id[box["category_id"]] for box in boxes["annotations"] if box["image_id"] == row["id"]}
            categories.append(sorted(seen))
            files.append(folder / part / row["file_name"])
        parts[part] = np.arange(first, len(files))
    return _pairs(files), captions, np.array(owner), categories, names, parts


def _pairs(files: Sequence[Path]) -> Pairs:
    return data.from_pictures([str(file) for file in files])
