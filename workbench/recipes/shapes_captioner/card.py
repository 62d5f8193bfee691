"""The model card: written from the measured figures and the training log, never by hand."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from workbench.recipes.shapes_captioner.train import NAMES

__all__ = ["write_card"]

_TOLD = {
    "exact": "captions exactly right: every thing whole, nothing else, the relation true",
    "things_right": "captions right but for the relation",
    "relation": "relations true, of those stated",
    "found": "things named rightly, of those in the pictures",
    "absent": "mentions of a colour and shape that the picture does not hold",
    "well_formed": "captions that the grammar of the data would write",
}
_TONGUES = {"en": "English", "zh": "Chinese"}
_BUILT = {
    "transformer": (
        "a ViT with four blocks on 8 x 8 patches of a picture of 64 x 64 pixels, and a GPT-2 with three "
        "blocks "
        "that look at them by cross-attention, both of width 128: `VisionEncoderDecoderModel` of "
        "transformers. "
        "The folder is complete: `VisionEncoderDecoderModel`, `AutoTokenizer` and `AutoImageProcessor` load "
        "it "
        "by `from_pretrained`, offline and with no code of ours"
    ),
    "attention": (
        "the ancestor that attends, after *Show, Attend and Tell*: the same ViT and an LSTM of width 256 "
        "that "
        "weighs the patches anew at each word. `workbench.models.adapters.lstm_captioner` opens the folder"
    ),
    "pooled": (
        "the first ancestor, after *Show and Tell*: the same ViT, of which one vector is seen once, and an "
        "LSTM "
        "of width 256. `workbench.models.adapters.lstm_captioner` opens the folder"
    ),
}


def write_card(folder: Path, figures: dict[str, Any]) -> None:
    """Write `scores.json` and `MODEL_CARD.md` into the model's folder."""
    (folder / "scores.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    parts = [_opening(folder), _figures(figures), _counts(figures), _eye(figures), _making(folder), _LIMITS]
    (folder / "MODEL_CARD.md").write_text("\n\n".join(filter(None, parts)) + "\n", "utf-8")


def _opening(folder: Path) -> str:
    kind = next(kind for kind, name in NAMES.items() if name == folder.name)
    size = (folder / "model.safetensors").stat().st_size / 1e6
    return (
        f"# {folder.name}\n\nIt writes what a drawn scene of `shapes` holds, in English or in Chinese, "
        f"trained "
        f"from nothing by `python -m workbench.recipes.shapes_captioner train --kind {kind}`. Of these "
        f"scenes the "
        "truth is known, so what it invents, leaves out and gets wrong is counted, not judged.\n\n"
        f"- {_BUILT[kind]}\n"
        "- 49 whole words of both languages, a Chinese caption cut into words as an English one is; the "
        "first "
        "token says the language: `<en>`, which is the default, or `<zh>`, given to `generate` as "
        f"`decoder_start_token_id`\n- {size:.1f} MB (float16)"
    )


def _figures(figures: dict[str, Any]) -> str:
    lines = [
        "## What it can do",
        f"{figures['scenes']:,} scenes of a seed that it was not trained on, greedy; `scores.json` holds "
        f"these "
        "figures, and `python -m workbench.recipes.shapes_captioner score` measures them again. In brackets "
        "the "
        "95 % interval of the share; chance is the same caption beside another scene.",
    ]
    for tongue, name in _TONGUES.items():
        told = figures[tongue]
        rows = [
            f"| {words} | {told[key]['value']:.1%} ({told[key]['low']:.1%} to {told[key]['high']:.1%}) | "
            f"{told[key]['n']:,} | {told[key]['chance']:.1%} |"
            for key, words in _TOLD.items()
        ]
        by_words = "words" if tongue == "en" else "characters"
        rows += [
            f"| {key}, by {by_words} | {told[key]['value']:.2f} | {figures['scenes']:,} | "
            f"{told[key]['chance']:.2f} |"
            for key in ("BLEU-4", "CIDEr-D")
        ]
        lines.append(f"**{name}**")
        lines.append("| figure | value | n | chance |\n| --- | --- | --- | --- |\n" + "\n".join(rows))
        if "sampled" in told:
            drawn = told["sampled"]
            lines.append(
                f"Sampled at temperature 1: {drawn['exact']['value']:.1%} exactly right, "
                f"{drawn['absent']['value']:.1%} of mentions of what is not there."
            )
    return "\n\n".join(lines)


def _counts(figures: dict[str, Any]) -> str:
    """By the number of things; the loss beside the floor that a free order leaves."""
    head = "| things | scenes | " + " | ".join(
        f"{name}: exact | right but for the relation | nats a caption" for name in _TONGUES.values()
    )
    rule = "| --- " * (2 + 3 * len(_TONGUES)) + "| --- |"
    rows = []
    for count, nats in figures["en"]["nats"].items():
        cells = [count, str(figures["en"]["by_things"][count]["n"])]
        for tongue in _TONGUES:
            told, own = figures[tongue]["by_things"][count], figures[tongue]["nats"][count]
            cells += [f"{told['exact']:.1%}", f"{told['things_right']:.1%}", f"{own['value']:.2f}"]
        rows.append(f"| {' | '.join(cells)} | {nats['floor']:.2f} |")
    return (
        "By the number of things. Things may be named in any order, so the best that there can be pays ln "
        "n! nats "
        "a caption, the floor.\n\n" + "\n".join([f"{head} | floor |", rule, *rows])
    )


def _eye(figures: dict[str, Any]) -> str:
    told, untrained = figures["eye"], figures["eye_untrained"]
    rows = [
        f"| {words} | {told[key]:.{digits}} | {untrained[key]:.{digits}} |"
        for key, words, digits in (
            ("place", "where in its patch the thing's centre lies, R² (chance 0)", "2f"),
            ("relation", f"how two things stand (commonest {told['relation_chance']:.1%})", "1%"),
            ("size", "its size", "1%"),
            ("colour", "its colour", "1%"),
            ("shape", "its shape", "1%"),
        )
    ]
    return (
        "## What its eye knows\n\nA linear probe of the one patch that holds a thing's centre (of two such "
        "patches for relations), fitted on 1,000 scenes and judged on 500 others, beside the same eye "
        "untrained, "
        "which has its places from the start.\n\n"
        "| read from the patch | trained | untrained |\n| --- | --- | --- |\n" + "\n".join(rows)
    )


def _making(folder: Path) -> str:
    lines = (folder / "training_log.jsonl").read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    settings = [entry["settings"] for entry in entries if "settings" in entry][-1]
    steps = [entry for entry in entries if "loss" in entry]
    flat = ", ".join(f"`{name}` {value}" for name, value in settings.items())
    notes = [entry["note"] for entry in entries if "note" in entry]
    made = " ".join(
        [
            f"## How it was made\n\n{settings['steps']:,} steps of {settings['batch_size']} scenes, half of "
            f"them "
            "mirrored, each with its caption in both languages, the things in a new order every time. From "
            "step "
            f"{settings['pairs_from']:,} on half of the scenes hold two things, whose captions state a "
            f"relation; from "
            f"step {settings['place_from']:,} on every patch also has to tell, through a linear head that "
            f"is not "
            "kept, where the centre of the thing lies that it shows: without it the eye forgot places. Muon "
            "moves "
            "the matrices inside the blocks, AdamW all else; what is stored is the running average of the "
            "weights.",
            f"Bfloat16 autocast on one CPU core, {_seconds(steps) / 60:.0f} minutes of its time. Seed 0; "
            f"scenes of "
            "seeds 1,000 and 1,000,000.",
            *notes,
        ]
    )
    return (
        f"{made}\n\nSettings: {flat}.\n\nLoss from {steps[0]['loss']:.2f} to {steps[-1]['loss']:.2f} nats a "
        f"word; "
        "the course is in `training_log.jsonl`."
    )


def _seconds(steps: list[dict[str, Any]]) -> float:
    """CPU seconds; the clock starts anew where a run was stopped and went on."""
    clock = [entry["cpu_seconds"] for entry in steps]
    return sum(max(0.0, after - before) for before, after in itertools.pairwise(clock))


_LIMITS = """## What it cannot do

- Anything but drawn scenes of one to five things, five shapes, six colours, two sizes, on white.
- Be sure of a relation that is hardly one: the data states it by the longer axis, and of two things that
  stand nearly aslant a pixel decides.
- Stand for large captioners: with so few words and so clean a ground it invents less than they do.

The weights and the scenes are under the project's licence, Apache-2.0."""
