"""The kept comparison: made in parts, halved, and the same as its own recipe says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fusion_fakes as fakes
import numpy as np
import pytest

from workbench import data
from workbench.errors import UnavailableError, UnknownNameError
from workbench.fusion import compare, examples, look, measured
from workbench.fusion.comparison.compare import COMPARED
from workbench.fusion.comparison.run import configuration
from workbench.fusion.modules.builders import fusion
from workbench.recipes import easy_vqa


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What each process was to measure; it "measures" at once."""
    asked: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str]) -> None:
            asked.append(command[command.index("--only") + 1 : command.index("--work")])
            self.failed = asked[-1][0] == "only-text"
            if not self.failed:
                fakes.report().save(command[-1])

        def wait(self) -> int:
            return int(self.failed)

    monkeypatch.setattr(easy_vqa.subprocess, "Popen", Process)
    return asked


def test_fusions_that_are_there_are_not_measured_again(started: list[list[str]], tmp_path: Path) -> None:
    held = fakes.report()
    held.save(tmp_path / "yesterday")
    with pytest.raises(UnavailableError, match="parts failed, see above: from-only-text"):
        easy_vqa.parts(tmp_path, 2)
    assert {name for names in started for name in names} == set(COMPARED) - set(held.fusions)
    assert abs(len(started[0]) - len(started[1])) <= 1


@pytest.mark.slow
def test_the_kept_comparison_is_what_its_own_recipe_measures() -> None:
    kept, made = measured("easy-vqa"), examples(data.load("easy-vqa"))
    everything = [fusion(name) for name in COMPARED]
    assert kept.complete and kept.fusions == COMPARED and kept.plan == easy_vqa.PLAN
    assert configuration(made.fingerprint, everything, kept.seeds, kept.plan) == kept.config_hash
    plan = replace(kept.plan, contributions=False)
    again, place = compare(made, ["only-text"], seeds=kept.seeds[:1], plan=plan), kept.index("only-text")
    for name in ("accuracy", "nll"):  # another CPU may round
        assert again.metrics[name][0] == pytest.approx(kept.metrics[name][place, :1], abs=0.01)
    for name in ("parameters", "flops"):
        assert getattr(again.budget, name)[0] == getattr(kept.budget, name)[place]


@pytest.mark.slow
def test_a_kept_fusion_answers_as_it_did_when_it_was_measured() -> None:
    opened = measured("easy-vqa", examples=True)
    for name in ("co-attention", "mean-logits"):
        kept = opened.probability[opened.index(name)]
        seen = look(opened, name, opened.items).probability
        np.testing.assert_allclose(seen, kept, atol=0.02)  # weights and answers in half precision
        right = (seen.argmax(axis=1) == opened.truth).mean()
        assert right == pytest.approx(opened.metrics["accuracy"][opened.index(name), 0], abs=0.03)


def test_there_is_none_for_other_data() -> None:
    with pytest.raises(UnknownNameError, match="there is one on easy-vqa"):
        measured("emoji")
