from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadInputError
from workbench.fusion import Design, Plan, compare, gaussian


def test_the_measured_robustness_lies_on_its_theory_line() -> None:
    plan = Plan(Design(width=8), epochs=4, contributions=False, p_missing_train=0.3)
    report = compare(gaussian(5000), ["mean-logits"], seeds=2, plan=plan)
    assert report.lines["bayes_accuracy"] == pytest.approx(0.8889, abs=1e-4)
    assert report.interval("accuracy")[0, 0] == pytest.approx(0.8889, abs=0.03)
    for curve in report.robustness:
        assert curve.theory.shape == curve.levels.shape
        assert curve.theory[0] == pytest.approx(0.8889, abs=1e-4)
        # the line is that of a linear score; the streams bend theirs where noise carries values far out
        near = curve.levels <= (0.5 if curve.kind == "noise" else 1)
        assert curve.accuracy[0].mean(axis=0)[near] == pytest.approx(curve.theory[near], abs=0.04)


def test_with_one_modality_gone_the_line_ends_at_the_other_alone() -> None:
    theory = gaussian(100).meta["theory"]
    assert theory["missing", "image"](np.array([0.0, 1.0])) == pytest.approx([0.8889, 0.7580], abs=1e-4)
    assert theory["noise", "image"](np.array([1e6]))[0] == pytest.approx(0.5, abs=1e-3)


def test_too_few_items_are_refused() -> None:
    with pytest.raises(BadInputError, match="at least 40 items"):
        gaussian(3)
