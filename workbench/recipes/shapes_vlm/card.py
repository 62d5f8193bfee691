"""The model card of a state: written from the measured figures and the training log, never by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.data.wordings import TASKS
from workbench.recipes.shapes_vlm.train import NAMES

__all__ = ["write_card"]

_WHAT = {
    "captions": "It has only ever captioned: a picture alone is answered by an English caption, a picture "
    "and 中文 by a Chinese one. It has never met an instruction, and captions whatever it is asked.",
    "one": "The state that only captioned, tuned on seven tasks in one English wording each.",
    "six": "The state that only captioned, tuned on seven tasks in six wordings each, English and Chinese.",
    "forgets": "As the one with one wording, but no caption without an instruction was mixed in: what it "
    "could do before is forgotten.",
}
_LANGUAGES = {"en": "English", "zh": "Chinese"}


def write_card(folder: Path, figures: dict[str, Any]) -> None:
    """Write `scores.json` and `MODEL_CARD.md` into the folder of a state."""
    (folder / "scores.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    parts = [_opening(folder), _answers(figures), _others(figures), _making(folder), _LIMITS]
    (folder / "MODEL_CARD.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def _opening(folder: Path) -> str:
    state = next(state for state, name in NAMES.items() if name == folder.name)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    eye, text = config["vision_config"], config["text_config"]
    size = (folder / "model.safetensors").stat().st_size / 1e6
    return (
        f"# {folder.name}\n\nA vision-language model of the `shapes` scenes, small enough to be taken apart: "
        "a `LlavaForConditionalGeneration` that transformers' own classes load from this folder. "
        f"{_WHAT[state]}\n\n"
        f"- eye: the frozen encoder of `shapes-captioner`, a ViT, {eye['image_size']} px, patches of "
        f"{eye['patch_size']} px, width {eye['hidden_size']}, {eye['num_hidden_layers']} layers\n"
        f"- projector: two linear layers; {config['image_seq_length']} picture tokens\n"
        f"- language model: a Llama, width {text['hidden_size']}, {text['num_hidden_layers']} layers, "
        f"{text['num_attention_heads']} heads, {text['max_position_embeddings']} places, "
        f"{text['vocab_size']} whole words of English and Chinese\n"
        f"- {size:.1f} MB (float16); a prompt is the picture, the instruction, `<answer>`: the chat template "
        "writes it"
    )


def _answers(figures: dict[str, Any]) -> str:
    told = [
        f"## What it answers\n\n{figures['scenes']} scenes of seed {figures['seed']}, never trained on; the "
        "whole answer must be right (a caption may name the things in any order), greedy. In brackets the "
        "95 % interval (Wilson). *Held out* are two wordings of each task that use only words of the six "
        "trained ones. *Another scene*: the same questions with another scene's picture; *usual*: always the "
        "most frequent answer. `scores.json` holds the same figures, and `python -m "
        "workbench.recipes.shapes_vlm score` measures them again."
    ]
    for language, name in _LANGUAGES.items():
        rows = [_row(task, figures[language][task]) for task in TASKS]
        told.append(
            f"**{name}**\n\n| task | trained wordings | held out | yes, trained / held out | another scene | "
            "usual | n |\n| --- | --- | --- | --- | --- | --- | --- |\n" + "\n".join(rows)
        )
    return "\n\n".join(told)


def _row(task: str, cells: dict[str, Any]) -> str:
    known, new = cells["trained"], cells["held_out"]
    yes = f"{known['yes']:.0%} / {new['yes']:.0%}" if "yes" in known else ""
    usual = f"{known['majority']:.0%}" if "majority" in known else ""
    return (
        f"| {task} | {_interval(known)} | {_interval(new)} | {yes} | {known['blind']:.0%} | {usual} | "
        f"{known['n']} |"
    )


def _interval(cell: dict[str, Any]) -> str:
    return f"{cell['value']:.0%} ({cell['low']:.0%} to {cell['high']:.0%})"


def _others(figures: dict[str, Any]) -> str:
    unasked = ", ".join(
        f"{name} {_interval(figures['unasked'][language])}" for language, name in _LANGUAGES.items()
    )
    negatives = "; ".join(
        f"{kind} {_interval(cell)}, yes {cell['yes']:.0%}" for kind, cell in figures["negatives"].items()
    )
    eye = "; ".join(
        f"{name} {_interval(cell)}, the usual answer {cell['majority']:.0%}"
        for name, cell in figures["probe"].items()
    )
    return (
        f"## What else was measured\n\n- captions without an instruction, exactly right: {unasked}\n"
        f"- is there a …, half yes, in scenes with companions, by the kind of absent thing: {negatives}\n"
        f"- what the frozen eye carries, by a linear probe on its states: {eye}"
    )


def _making(folder: Path) -> str:
    lines = (folder / "training_log.jsonl").read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    settings = entries[0]["settings"]
    steps = [entry for entry in entries if "step" in entry]
    seconds = _seconds(steps)
    flat = ", ".join(f"`{name}` {value}" for name, value in settings.items())
    losses = ", ".join(
        f"{task} {steps[0][task]:.1f} to {steps[-1][task]:.2f}" for task in TASKS if task in steps[0]
    )
    return (
        f"## How it was made\n\n{settings['steps']:,} steps of {settings['batch_size']} scenes of seed 1000, "
        "several questions about each in one sequence in which none sees another; only the words of answers "
        "are learned. Projector and language model are trained, the eye is not. Muon moves the matrices "
        "inside the blocks, AdamW all else; what is stored is the running average of the weights. Bfloat16 "
        f"autocast, about {seconds:.0f} seconds of one CPU core. Seed 0.\n\nSettings: {flat}.\n\nNats an "
        f"answer: {losses}; a caption cannot fall below ln n!, for its things may be named in any order. The "
        "course is in `training_log.jsonl`."
    )


def _seconds(steps: list[dict[str, Any]]) -> float:
    """Of all pieces of a run: the clock starts anew where it went on from a checkpoint."""
    total = 0.0
    for entry, following in zip(steps, [*steps[1:], {"cpu_seconds": 0.0}], strict=True):
        if following["cpu_seconds"] < entry["cpu_seconds"]:
            total += entry["cpu_seconds"]
    return total


_LIMITS = """## What it cannot do

- Anything but drawn scenes of five shapes in six colours on white, and the words for them; other words are
  one unknown word.
- Several pictures, or examples in front of a question: training had neither.
- What holds of it need not hold of a large model: its world has thirty things and seven tasks.

The weights and the scenes are under the project's licence, Apache-2.0."""
