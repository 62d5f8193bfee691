"""What `.ci/run` tries once more: a few tests that failed in a browser, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import failed_in_browser
import pytest

IN_BROWSER = [f"tests/browser/test_keys.py::test_{number}" for number in range(9)]


@pytest.mark.parametrize(
    ("names", "again"),
    [
        ([], False),
        (IN_BROWSER[:1], True),
        (IN_BROWSER[:5], True),
        (IN_BROWSER[:6], False),
        ([IN_BROWSER[0], "tests/workbench/test_hooks.py::test_one"], False),
    ],
)
def test_only_a_few_and_all_of_them_in_a_browser(tmp_path: Path, names: list[str], again: bool) -> None:
    cache = tmp_path / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True)
    (cache / "lastfailed").write_text(json.dumps(dict.fromkeys(names, True)))
    assert failed_in_browser.failed(tmp_path) == names
    assert failed_in_browser.worth_another_try(names) is again


def test_a_run_that_left_no_list_is_not_tried_again(tmp_path: Path) -> None:
    assert failed_in_browser.failed(tmp_path) == []
