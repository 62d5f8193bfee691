"""The table of families: one tiny random model a row, and what can be read of it.

The rows stand in `families`, `reading_families`, `newer_families` and `writing_families`; here they are one
table. `docs/families.md` is printed from it: `python -m pytest tests/workbench/generation/test_families.py`
holds table, page and models together, and says what to write where they part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
import torch

from tests import families, newer_families, reading_families, writing_families
from workbench.errors import UnsupportedError
from workbench.generation import Answer, explain_word, logit_lens, replay, word_attention, write
from workbench.models import as_writer
from workbench.models.writer import Writer

__all__ = ["MADE", "ROWS", "Row", "page", "read_of", "writer_and_answer"]

MADE: dict[str, Callable[[], Any]] = {
    **{name: partial(families.made, name) for name in families.FAMILIES},
    **{name: row[0] for name, row in writing_families.FAMILIES.items()},
    **{name: row[0] for name, row in reading_families.FAMILIES.items()},
    **{name: row[0] for name, row in newer_families.FAMILIES.items()},
}
"""Name -> a model with one item's inputs, of every family that is read here, writing or not."""


@dataclass(frozen=True)
class Row:
    """What can be read of an answer of a family.

    Attributes:
        title: the family, and the class of transformers where several share one.
        map: rows x columns of a word's map, with which tile or picture it is of several; "" where there is
            none, and the replay says why.
        shares: parts of the prompt that have a share: p(icture), i(nstruction), a(nswer), f(rame).
        lens: whether the states of its layers can be read as words.
        relevance, occlusion: "map" of the picture, "words" where only those are marked, "no" where it is
            refused in words.
    """

    title: str
    map: str
    shares: str
    lens: str = "yes"
    relevance: str = "map"
    occlusion: str = "map"


def writer_and_answer(name: str, tokens: int = 3) -> tuple[Writer, Answer]:
    """A tiny writer of a family, with what it writes about the one question it knows."""
    torch.manual_seed(3)
    model, inputs = MADE[name]()
    if families.PICTURE in inputs.get("input_ids", ()):  # a trained model never writes a picture's mark
        model.generation_config.suppress_tokens = [families.PICTURE]
    writer = as_writer(model.eval(), tensors=inputs)
    answer = write(writer, max_new_tokens=tokens, start=[7])
    # Of inputs that were made already nobody knows the picture: it is told that there is one.
    pictures = (np.zeros((8, 8, 3), np.uint8),) if any(key.startswith(_SEEN) for key in inputs) else ()
    object.__setattr__(answer, "pictures", pictures)
    return writer, answer


_SEEN = ("pixel_values", "flattened_patches", "image_patches")


def read_of(title: str, writer: Writer, answer: Answer) -> Row:
    """The row of a family, found out."""
    found = word_attention(replay(writer, answer), answer)
    said = next((note for note in found.notes if note.startswith("Of ")), "")
    grid = "" if found.grid is None else f"{found.grid[0]} x {found.grid[1]}"
    if said:
        grid += f", {said.split()[-1].rstrip('.')} of {said.split()[1]}"
    parts = "".join(
        name for name, share in zip("piaf", found.shares.sum(axis=(0, 1)), strict=True) if share > 0
    )
    try:
        logit_lens(writer, answer)
        lens = "yes"
    except UnsupportedError:
        lens = "no"
    return Row(title, grid, parts, lens, *(_told(writer, answer, how) for how in ("relevance", "occlusion")))


def _told(writer: Writer, answer: Answer, method: str) -> str:
    try:
        made = explain_word(writer, answer, len(answer) - 1, method=method, batch_size=64)
    except UnsupportedError:
        return "no"
    if made.image is not None:
        return "map"
    assert not answer.pictures or any("no map of the picture" in note for note in made.notes)
    return "words"


ROWS: dict[str, Row] = {
    "t5": Row("T5", "", "af", relevance="words", occlusion="words"),
    "bart": Row("BART", "", "af", relevance="words", occlusion="words"),
    "m2m": Row("M2M100", "", "af", relevance="words", occlusion="words"),
    "blip_vqa": Row("BLIP, answers", "", "af"),
    "donut": Row("Donut (Swin + mBART)", "", "af", relevance="no"),
    "trocr": Row("TrOCR", "4 x 4", "af"),
    "pix2struct": Row("Pix2Struct", "", "af"),
    "qwen2vl": Row("Qwen2-VL", "2 x 3", "pia"),
    "qwen2vl_two": Row("Qwen2-VL, two pictures", "2 x 3, 1 of 2", "pia", relevance="no", occlusion="words"),
    "qwen25vl": Row("Qwen2.5-VL", "3 x 4", "pia", relevance="no"),
    "qwen3vl": Row("Qwen3-VL", "2 x 3", "pia"),
    "llava": Row("LLaVA 1.5", "4 x 4", "pia"),
    "llava_two": Row("LLaVA 1.5, two pictures", "4 x 4, 1 of 2", "pia", relevance="words", occlusion="words"),
    "llava_next": Row("LLaVA-NeXT, two tiles", "4 x 4, 1 of 2", "pia", relevance="words", occlusion="words"),
    "onevision": Row(
        "LLaVA-OneVision, two tiles", "4 x 4, 1 of 2", "pia", relevance="words", occlusion="words"
    ),
    "internvl": Row("InternVL (-hf)", "2 x 2", "pia"),
    "internvl_tiles": Row(
        "InternVL (-hf), two tiles", "2 x 2, 3 of 3", "pia", relevance="words", occlusion="words"
    ),
    "smolvlm": Row(
        "SmolVLM / Idefics 3, one tile", "2 x 2, 2 of 2", "pia", relevance="words", occlusion="words"
    ),
    "paligemma": Row("PaliGemma", "4 x 4", "pia"),
    "gemma3": Row("Gemma 3", "2 x 2", "pia"),
    "mllama": Row("Mllama (Llama 3.2 Vision)", "4 x 4, 1 of 2", "pia", relevance="words", occlusion="words"),
    "blip2_t5": Row("BLIP-2 (Flan-T5)", "", "af", relevance="no"),
    "idefics2": Row("Idefics 2", "", "pia", relevance="no"),
    "pixtral": Row("Pixtral", "4 x 6", "pia"),
    "mistral3": Row("Mistral 3", "2 x 3", "pia"),
    "aya": Row("Aya Vision", "2 x 2", "pia"),
    "git": Row("GIT", "4 x 4", "pia"),
    "kosmos2": Row("Kosmos-2", "", "pia", relevance="no"),
    "vit_gpt2": Row("ViT + GPT-2", "4 x 4", "af"),
    "lfm2vl": Row("LFM2-VL", "2 x 3", "pia"),
    "florence2": Row("Florence-2", "", "af", relevance="words"),
    "blip": Row("BLIP captioner", "4 x 4", "ia"),
    "paligemma2": Row("PaliGemma 2", "4 x 4", "pia"),
    "gemma4": Row("Gemma 4", "2 x 3", "pia", relevance="words", occlusion="words"),
    "glm4v": Row("GLM-4V", "2 x 3", "pia"),
    "qwen35": Row("Qwen3.5", "2 x 3", "pia"),
    "instructblip": Row("InstructBLIP", "", "pia", relevance="no"),
    "deepseek_vl": Row("DeepSeek-VL", "4 x 4", "pia"),
    "janus": Row("Janus (understanding)", "4 x 4", "pia"),
    "ovis2": Row("Ovis 2", "2 x 2", "pia"),
    "perception_lm": Row("Perception-LM", "2 x 2", "pia"),
    "got_ocr2": Row("GOT-OCR 2", "2 x 2", "pia", relevance="no"),
    "llama4": Row("Llama 4", "2 x 2", "pia"),
    "blip2": Row("BLIP-2 (OPT)", "", "pia", relevance="no"),
    "chameleon": Row("Chameleon", "", "pia", relevance="words"),
}


def page() -> str:
    """`docs/families.md`."""
    rows = sorted(ROWS.values(), key=lambda row: row.title.lower())
    cells = [[getattr(row, one.name) or "—" for one in fields(Row)] for row in rows]
    return _HEAD + "\n".join(f"| {' | '.join(line)} |" for line in cells) + _TAIL


_HEAD = """\
# Families that write

What can be read of an answer, family by family. Each row is a test: a tiny model of the family with random weights,
built from the classes of transformers, writes three words, and they are replayed, drawn and explained. So the page says
how a family is *built*, never what a trained one knows. In every row the replay equals the writing to 1e-4, and every
attention of the model is found.

- **map**: the grid on which a word's attention lies on the picture, for pictures of 32 pixels cut into patches of 8;
  smaller where the model merges patches before its language model reads them. "3 of 3" is the tile, or the picture,
  that is drawn. Without a map, the notes of the result say why.
- **shares**: of which parts a word's attention is counted: p the picture, i the instruction, a the answer's own words,
  f the frame that the template puts around them. Without a p the picture is read by cross-attention, which gives the
  map and no share.
- **lens**: whether the states between the layers can be read as words.
- **relevance**, **occlusion**: what `explain_word` gives: a map of the picture, the words alone, or a refusal in words.

| family | map | shares | lens | relevance | occlusion |
| --- | --- | --- | --- | --- | --- |
"""
_TAIL = """

Not here: models that bring code of their own (CogVLM, Qwen-VL 1, InternVL without `-hf`, MiniCPM-V up to 2.6,
DeepSeek-VL2, Moondream), which are refused by name with their successor; Whisper and Qwen2-Audio, which write from
sound; Fuyu, whose `generate` does not take its own patches; Molmo 2, Gemma 3n, MiniCPM-V 4.6 and FastVLM, which have no
row yet.
"""
