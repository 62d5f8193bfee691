"""Runs `*.test.mjs` in Chromium, the engine that the widgets meet. `node --test tests/js/*.mjs` runs the same files.

Node is not asked for: whoever runs `make test` has a Chromium and may have no Node. Two small modules
stand in for `node:test` and `node:assert/strict`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route

from workbench.generation import filtered, filtered_alternatives

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))
SITE = "http://localhost:9"  # nobody listens there: every file is handed out by the test
PAGE = """<!doctype html><script type="importmap">{"imports": {
  "node:test": "/tests/js/node_test.mjs", "node:assert/strict": "/tests/js/node_assert.mjs"}}</script>"""
TYPES = {".mjs": "text/javascript", ".css": "text/css"}

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.route("**/*", _hand_out)
    page = context.new_page()
    page.goto(f"{SITE}/")
    yield page
    context.close()


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_the_front_end_files_functions(page: Page, file: Path) -> None:
    results = _results(page, f"/{file.relative_to(ROOT)}")
    assert results, "the file holds no test"
    assert [f"{result['name']}: {result['error']}" for result in results if result["error"]] == []


def test_a_front_end_test_that_fails_is_seen_to_fail(page: Page) -> None:
    page.route(
        f"{SITE}/failing.test.mjs",
        lambda route: route.fulfill(content_type="text/javascript", body=FAILING),
    )
    results = _results(page, "/failing.test.mjs")
    assert [bool(result["error"]) for result in results] == [True, True, True, True, False]


CUTS = [
    {"temperature": temperature, "topK": top_k, "topP": top_p}
    for temperature in (0.3, 1.0, 1.7)
    for top_k in (None, 1, 3, 5)
    for top_p in (0.2, 0.7, 0.95, 1.0)
]


def test_the_answer_lens_filters_as_the_decoder_does(page: Page) -> None:
    random = np.random.default_rng(0)
    rows = [*random.normal(0, 2, (6, 9)), np.array([1.0, 1, 0, 0, -3, -3, -3, -8, -8])]
    rows = [-np.sort(-(row - np.log(np.exp(row).sum()))) for row in rows]
    code = """async ([rows, cuts, count]) => {
        const { filtered, listed } = await import("/widgets/static/answer/numbers.mjs");
        return rows.map((row) => cuts.map((cut) => [filtered(row, cut), listed(row.slice(0, count), cut)])); }"""
    for count in (5, 9):
        found = page.evaluate(code, [[row.tolist() for row in rows], CUTS, count])
        for row, answers in zip(rows, found, strict=True):
            for cut, (whole, kept) in zip(CUTS, answers, strict=True):
                told = {"temperature": cut["temperature"], "top_k": cut["topK"], "top_p": cut["topP"]}
                np.testing.assert_allclose(whole, filtered(row, **told), rtol=0, atol=1e-6, err_msg=str(cut))
                wanted = filtered_alternatives(row[:count], **told)
                assert kept["exact"] == (not np.isnan(wanted).any()), (cut, count)
                if kept["exact"]:
                    np.testing.assert_allclose(kept["shares"], wanted, rtol=0, atol=1e-6, err_msg=str(cut))


FAILING = """
import assert from "node:assert/strict";
import { test } from "node:test";
test("values", () => assert.equal(1, 2));
test("depth", () => assert.deepEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }));
test("types", () => assert.deepEqual([1], ["1"]));
test("waits", async () => { await Promise.resolve(); throw new Error("late"); });
test("right", () => assert.deepEqual(new Map([["a", new Uint8Array([1])]]), new Map([["a", new Uint8Array([1])]])));
"""


def _results(page: Page, module: str) -> list[dict[str, str | None]]:
    code = "async (url) => { await import(url); return (await import('node:test')).run(); }"
    return page.evaluate(code, module)


def _hand_out(route: Route) -> None:
    """A file of the repository as its address says."""
    path = route.request.url.removeprefix(SITE).partition("?")[0]
    file = ROOT / path.lstrip("/")
    if path == "/":
        route.fulfill(content_type="text/html", body=PAGE)
    elif file.is_file():
        route.fulfill(content_type=TYPES.get(file.suffix, "application/octet-stream"), body=file.read_bytes())
    else:
        route.fulfill(status=404, body=f"no {path}")
