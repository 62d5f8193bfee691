"""The atlas: a selection's way back to Python, and frames a second in Chromium, on the saved page."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["atlas"]

Rows = list[tuple[str, str, str]]


def atlas(_work: Path) -> Rows:
    """A selection of 500,000 points back to Python, and the frame time of 100,000 and 1,000,000 points."""
    return [*_selection(), *_frames(100_000), *_frames(1_000_000)]


def _cloud(count: int) -> Any:
    from workbench.projection import Neighbours, Projection
    from workbench.results import Embeddings

    points = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    nobody = Neighbours(np.zeros((count, 0), np.int32), np.zeros((count, 0), np.float32))
    return Projection(points, nobody, Embeddings(points, None))


def _selection() -> Rows:
    from widgets import EmbeddingAtlas
    from widgets.atlas.selection import pack

    shown = EmbeddingAtlas(_cloud(1_000_000))
    shown.wait(120)
    ids = np.sort(np.random.default_rng(1).permutation(1_000_000)[:500_000])
    mask, listed = pack(ids, 1_000_000), json.dumps(ids.tolist())
    start = time.perf_counter()
    shown._mask = mask
    assert len(shown.selected) == 500_000
    took = time.perf_counter() - start
    shown.wait(120)
    start = time.perf_counter()
    np.asarray(json.loads(listed))
    return [
        ("selection of 500,000 of 1,000,000 as a bitmask, kB", f"{len(mask) / 1000:.0f}", "aim 125"),
        ("the same as a JSON list, ratio of sizes", f"{len(listed) / len(mask):.0f} x", ""),
        ("from the message to atlas.selected, ms", f"{1000 * took:.0f}", "aim under 500"),
        ("reading the JSON list alone, ms", f"{1000 * (time.perf_counter() - start):.0f}", ""),
    ]


def _frames(count: int) -> Rows:
    tests = Path(__file__).resolve().parents[1]
    sys.path[:0] = [str(tests.parent / "tools"), str(tests / "browser")]
    from atlas_page import FRAMES
    from install_chromium import HOW, find_chromium
    from playwright.sync_api import sync_playwright

    from widgets import EmbeddingAtlas

    program = find_chromium()
    if program is None:
        return [(f"{count:,} points in a browser", "not measured", HOW)]
    cloud = _cloud(count)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = os.path.join(folder, "map.html")
        Path(path).write_bytes(EmbeddingAtlas(cloud)._page())
        browser = playwright.chromium.launch(executable_path=program)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(Path(path).as_uri())
        page.wait_for_selector(".atl-stage")
        middle, slow, drawn, backend = page.locator("body").evaluate(FRAMES)
        browser.close()
    name = f"{count:,} points, {backend}, {drawn:,} drawn while moving"
    return [(f"{name}: ms a frame, median / 90 %", f"{middle:.0f} / {slow:.0f}", "aim under 34")]
