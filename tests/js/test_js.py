"""Runs `*.test.mjs` in Chromium, the engine that the widgets meet. `node --test tests/js/*.mjs` runs the same files.

Node is not asked for: whoever runs `make test` has a Chromium and may have no Node. Two small modules
stand in for `node:test` and `node:assert/strict`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

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
