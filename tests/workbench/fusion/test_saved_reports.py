"""A report that was saved says what it said, can be looked into, and is refused where it is not whole."""

from __future__ import annotations

import json
from dataclasses import replace

import fusion_fakes as fakes
import numpy as np
import pytest

from tests.workbench.fusion.small import same, small_examples
from workbench.errors import BadInputError, UnavailableError
from workbench.fusion import Design, Fusion, Plan, card, compare, look, open_report

QUICK = Plan(design=Design(width=8), epochs=2, batch_size=32, contributions=False)


@pytest.fixture(scope="module")
def made():
    """Two fusions, really trained, for a moment."""
    rows = small_examples()
    return compare(rows, ["mean-logits", "tensor"], seeds=2, plan=QUICK), rows


@pytest.mark.parametrize("complete", [True, False])
def test_every_number_note_and_name_comes_back(tmp_path, complete):
    report = fakes.report(complete=complete)
    folder = report.save(tmp_path / "kept")
    assert same(report, open_report(folder))
    assert report.code == "" and open_report(folder).code == f"open_report({str(folder)!r})"
    assert open_report(folder).to_latex() == report.to_latex()
    assert sorted(path.name for path in folder.iterdir()) == ["arrays.npz", "report.json"]


def test_half_precision_touches_only_what_nobody_reads_to_the_last_digit(made, tmp_path):
    report, rows = made
    folder = report.save(tmp_path / "half", half=True)
    opened = open_report(folder, rows)
    assert same(report, opened, ("examples", "built", "code", "probability", "fused", "weights"))
    np.testing.assert_allclose(opened.probability, report.probability, atol=1e-3)
    answers = [look(one, "tensor", report.items).probability for one in (report, opened)]
    np.testing.assert_allclose(*answers, atol=0.01)
    whole = report.save(tmp_path / "whole")
    assert (folder / "arrays.npz").stat().st_size < 0.8 * (whole / "arrays.npz").stat().st_size


def test_with_its_data_it_can_be_looked_into_as_before(made, tmp_path):
    report, rows = made
    opened = open_report(report.save(tmp_path / "kept"), rows)
    assert same(report, opened)
    before, after = look(report, "tensor", report.items[:3]), look(opened, "tensor", report.items[:3])
    np.testing.assert_array_equal(before.probability, after.probability)
    np.testing.assert_array_equal(before.interaction, after.interaction)


def test_without_data_the_numbers_are_there_and_looking_says_what_is_missing(made, tmp_path):
    opened = open_report(made[0].save(tmp_path / "kept"))
    assert opened.interval().shape == (2, 3)
    with pytest.raises(UnavailableError, match=r"open_report\(folder, data\)"):
        look(opened, "tensor", [0])


def test_other_data_are_refused(made, tmp_path):
    folder = made[0].save(tmp_path / "kept")
    with pytest.raises(BadInputError, match=r"fingerprint .* Give what compare\(\) was given"):
        open_report(folder, small_examples(seed=1))


def test_a_fusion_of_ones_own_keeps_its_numbers_but_not_its_code(made, tmp_path):
    _, rows = made
    own = Fusion(replace(card("mean-logits"), name="mine"), _mean)
    report = compare(rows, [own], seeds=1, plan=QUICK)
    opened = open_report(report.save(tmp_path / "kept"), rows)
    assert same(report, opened)
    with pytest.raises(UnavailableError, match="fusion of your own"):
        look(opened, "mine", [0])


def test_nothing_is_written_over(tmp_path):
    report = fakes.report()
    report.save(tmp_path / "kept")
    with pytest.raises(BadInputError, match="name a new folder"):
        report.save(tmp_path / "kept")


def test_what_is_not_whole_is_refused_in_words(tmp_path):
    with pytest.raises(BadInputError, match=r"Expected a folder that report.save\(\) wrote"):
        open_report(tmp_path)
    folder = fakes.report().save(tmp_path / "kept")
    arrays = (folder / "arrays.npz").read_bytes()
    (folder / "arrays.npz").write_bytes(arrays[:-100])
    with pytest.raises(BadInputError, match="damaged"):
        open_report(folder)
    (folder / "arrays.npz").write_bytes(arrays)
    said = json.loads((folder / "report.json").read_text("utf-8"))
    for change, why in (
        ({"format": "another"}, "no fusion report that this version can read"),
        ({"report": {"Exploit": {}}}, "changed since it was saved"),
        ({"report": {"Plan": []}}, "changed since it was saved"),
        ({"report": {"Plan": {}}}, "changed since it was saved"),
    ):
        (folder / "report.json").write_text(json.dumps(said | change), "utf-8")
        with pytest.raises(BadInputError, match=why):
            open_report(folder)


def _mean(spec, design):
    from workbench.fusion.modules.builders import build

    return build("mean-logits", spec, design)
