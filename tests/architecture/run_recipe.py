"""Runs one recipe of CONTRIBUTING.md in a process of its own, for what it registers stays registered.

python tests/architecture/run_recipe.py "Add a fusion"
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_RECIPE = re.compile(r"^### (Add .*?)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(python|js)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def recipes() -> dict[str, list[tuple[str, str]]]:
    """Heading to its blocks of code, as (language, text)."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return {found[1]: _BLOCK.findall(found[2]) for found in _RECIPE.finditer(text)}


def run(name: str) -> dict[str, Any]:
    """Every Python block, one after the other, in one namespace; front-end files lie where they belong."""
    blocks = recipes()[name]
    static = _static_with([text for language, text in blocks if language == "js"])
    from widgets import esm

    esm._STATIC = static
    said: dict[str, Any] = {"__name__": "recipe"}
    sys.modules["recipe"] = ModuleType("recipe")
    sys.modules["recipe"].__dict__.update(said)
    for language, text in blocks:
        if language == "python":
            exec(compile(text, f"CONTRIBUTING.md, {name}", "exec"), said)
    return said


def _static_with(scripts: list[str]) -> Path:
    """A copy of the front end in which each script lies in the file that its first line names."""
    folder = Path(tempfile.mkdtemp()) / "static"
    shutil.copytree(ROOT / "widgets" / "static", folder)
    for text in scripts:
        named = re.match(r"// widgets/static/(\S+\.mjs)\n", text)
        assert named, f"a front-end file begins with its name: {text[:40]!r}"
        file = folder / named[1]
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    return folder


def after_model_family(said: dict[str, Any]) -> None:
    """What the test to copy asserts, on the family of the recipe."""
    import numpy as np
    import torch
    from PIL import Image
    from torch.nn.functional import normalize

    sys.path.insert(0, str(ROOT / "tests/stress"))
    import at_home  # noqa: F401 - makes `tests` this repository's

    from workbench import models

    spec = importlib.util.spec_from_file_location("fixtures", ROOT / "tests/workbench/models/conftest.py")
    assert spec and spec.loader
    fixtures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fixtures)
    torch.manual_seed(5)
    folder = tempfile.mkdtemp()
    model, tokeniser, processor = said["groupvit"](fixtures._clip_tokeniser(), fixtures._clip_processor())
    for part in (model, tokeniser, processor):
        part.save_pretrained(folder)
    loaded = models.load(folder)
    assert loaded.card.family == "GroupViT" and loaded.capabilities["embed_images"] is None
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    pictures, texts = [Image.fromarray(noise)], ["a cat", "a photo of a dog and a cat"]
    with torch.no_grad():
        wanted = model.eval()(
            **tokeniser(texts, return_tensors="pt", padding=True), **processor(pictures, return_tensors="pt")
        )
    image, text = loaded.encode_images(pictures), loaded.encode_texts(texts)
    np.testing.assert_allclose(image, normalize(wanted.image_embeds, dim=-1), atol=1e-5)
    np.testing.assert_allclose(text, normalize(wanted.text_embeds, dim=-1), atol=1e-5)
    logits = loaded.scale * image @ text.T + loaded.bias
    np.testing.assert_allclose(logits, wanted.logits_per_image, atol=5e-5)


def after_widget(said: dict[str, Any]) -> None:
    """Its front end is put together, its code shows the same board, and a wrong choice is refused."""
    import traitlets

    board = said["board"]
    assert "module_shared_mount" in board._esm
    again: dict[str, Any] = {}
    *lines, last = board.code().splitlines()
    exec("\n".join([*lines, f"again = {last}"]), again)
    assert again["again"].selected == board.selected
    assert isinstance(again["again"], said["RetrievalBoard"])  # anywidget gives each board a class of its own
    try:
        board.least = 7.0
    except traitlets.TraitError:
        return
    raise AssertionError("a cosine of 7 was taken")


AFTER = {"Add a model family": after_model_family, "Add a widget": after_widget}


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import no_network

    no_network.block()
    namespace = run(sys.argv[1])
    AFTER.get(sys.argv[1], lambda _: None)(namespace)
