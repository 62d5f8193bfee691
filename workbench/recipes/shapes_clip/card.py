"""The model card: written from the measured figures and the training log, never by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.attribution import PointingTable
from workbench.recipes.shapes_clip.train import NAME
from workbench.recipes.word_pointing import section

__all__ = ["write_card"]

_TOLD = {
    "phrase_to_picture": 'the picture that fits "a red circle" best holds one (30 phrases, 400 scenes)',
    "phrase_ranking": "a picture with the thing stands above one without it",
    "caption_to_picture": "caption to picture, first place among 100",
    "picture_to_caption": "picture to caption, first place among 100",
    "binding": "the true caption above one with exchanged colours or one wrong word",
}


def write_card(weights: Path, figures: dict[str, Any], table: PointingTable) -> None:
    """Write `scores.json`, `pointing.json` and `MODEL_CARD.md` into `weights/shapes-clip`."""
    folder = weights / NAME
    (folder / "scores.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    (folder / "pointing.json").write_text(table.to_json(), "utf-8")
    words = section(folder)
    parts = [_opening(folder), _figures(figures), _pointing(table), words, _making(folder), _LIMITS]
    (folder / "MODEL_CARD.md").write_text("\n\n".join(filter(None, parts)) + "\n", "utf-8")


def _opening(folder: Path) -> str:
    config = json.loads((folder / "open_clip_config.json").read_text("utf-8"))["model_cfg"]
    vision, text = config["vision_cfg"], config["text_cfg"]
    size = (folder / "open_clip_model.safetensors").stat().st_size / 1e6
    return (
        f"# {NAME}\n\nA small CLIP of the `shapes` scenes, trained from nothing by `python -m "
        "workbench.recipes.shapes_clip train`. It is there to judge explanations: it tells things by "
        "colour and shape in scenes whose right answers are known to the pixel, so a map of it can be "
        "wrong in a way that shows.\n\n"
        f"- image tower: ViT, {vision['image_size']} px, patches of {vision['patch_size']} px, width "
        f"{vision['width']}, {vision['layers']} layers, {vision['width'] // vision['head_width']} heads\n"
        f"- text tower: causal transformer, width {text['width']}, {text['layers']} layers, {text['heads']} "
        f"heads, {text['context_length']} tokens; {text['vocab_size']} whole words, everything else is one "
        "unknown word\n"
        f"- {config['embed_dim']} joint features, {size:.1f} MB (float32)"
    )


def _figures(figures: dict[str, Any]) -> str:
    rows = [
        f"| {told} | {figures[name]['value']:.1%} | {figures[name]['chance']:.1%} |"
        for name, told in _TOLD.items()
    ]
    return (
        "## What it can do\n\nScenes of a seed that it was not trained on; `scores.json` holds the same "
        "figures, and `python -m workbench.recipes.shapes_clip score` measures them again.\n\n"
        "| task | right | chance |\n| --- | --- | --- |\n" + "\n".join(rows)
    )


def _pointing(table: PointingTable) -> str:
    lines = [
        "## What its explanations are worth: the pointing game",
        "Share of asked-for things on which the map's best patch lies. *One named*: the text names "
        "one thing of the scene. *All named*: the text names every thing, and each thing's words must "
        "find it; a first-order map is one for the whole text. `random` is the exact share of patches that "
        "would be right.",
        *table.provenance.notes,
    ]
    for game, rows in table.scores.items():
        head = " | ".join(f"{count} thing{'s' * (count > 1)}" for count in table.counts)
        lines.append(f"**{game}** ({', '.join(map(str, table.asked[game]))} questions)")
        body = [
            f"| {name} | {' | '.join(f'{share:.0%}' for share in row)} | {_cost(table, name)} |"
            for name, row in rows.items()
        ]
        rule = "| --- " * (len(table.counts) + 2) + "|"
        lines.append("\n".join([f"| method | {head} | forwards + backwards |", rule, *body]))
    return "\n\n".join(lines)


def _cost(table: PointingTable, name: str) -> str:
    if name not in table.cost:
        return ""
    forwards, backwards = table.cost[name]
    return f"{forwards:.0f} + {backwards:.0f}"


def _making(folder: Path) -> str:
    lines = (folder / "training_log.jsonl").read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    settings = entries[0]["settings"]
    steps = [entry for entry in entries if "loss" in entry]
    minutes = settings["steps"] * sum(entry["seconds"] for entry in steps) / len(steps) / 60
    flat = ", ".join(f"`{name}` {value}" for name, value in settings.items())
    return (
        f"## How it was made\n\n{settings['steps']:,} steps of {settings['batch_size']} scenes with a "
        "caption each (the data's own, or all things in any order, with or without their sizes), half of "
        "them mirrored, a little lighter, darker or noisy. Every picture also meets a wrong caption for each "
        "scene of the batch, in which two things have exchanged colours or one word is wrong; and 41 phrases "
        "(`a red circle`, `a star`, `a blue thing`) are matched with all pictures that hold such a thing. "
        "Muon moves the matrices inside the blocks, AdamW all else; what is stored is the running average of "
        f"the weights. Bfloat16 autocast on one CPU core, about {minutes:.0f} minutes. Seed 0; scenes of "
        "seed 1000.\n\n"
        f"Settings: {flat}.\n\nLoss from {steps[0]['loss']:.2f} to {steps[-1]['loss']:.2f} (that of phrases "
        "cannot fall to 0: several answers are right); the course is in `training_log.jsonl`."
    )


_LIMITS = """## What it cannot do

- Anything but drawn scenes of five shapes in six colours on white, and the words for them.
- Counting and relations: captions hold relations, and nothing measures what it made of them.
- What holds for its explanations need not hold for a large model of photographs: with so few words and so
  clean a ground, methods look better here than they are in the wild.

The weights and the scenes are under the project's licence, Apache-2.0."""
