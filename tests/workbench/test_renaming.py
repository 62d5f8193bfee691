"""Names that changed: the old one works for one minor release, and names the new one."""

from __future__ import annotations

import importlib
import inspect
import warnings

import numpy as np
import pytest

from workbench.calling import verb
from workbench.errors import BadCallError, BadInputError
from workbench.fusion import examples
from workbench.projection import contrastive_loss, measures, pair_figures, pair_ranks, project, recall
from workbench.renaming import renamed
from workbench.results import Embeddings

GONE = "the old name goes with the next minor release"


@renamed("halves", "quarters", convert=lambda value: 2 * value, meaning="of which there are twice as many")
@verb
def counted(cake: str, *, quarters: int = 4) -> str:
    """How a cake is cut."""
    return f"{cake} in {quarters}"


@pytest.fixture(scope="module")
def space() -> Embeddings:
    random = np.random.default_rng(0)
    image, text = (random.normal(size=(30, 8)) for _ in range(2))
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (image, text)]
    return Embeddings(*(side.astype(np.float32) for side in unit), tuple(map(str, range(30))))


def test_the_old_name_works_and_the_warning_names_the_new_one_at_the_line_that_used_it() -> None:
    with pytest.warns(DeprecationWarning) as said:
        assert counted("plum", halves=3) == "plum in 6"
    assert str(said[0].message) == (
        f"counted(halves=...) is now counted(quarters=...), of which there are twice as many; {GONE}."
    )
    assert said[0].filename == __file__


def test_the_new_name_is_taken_without_a_word_and_is_the_only_one_in_the_help() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert counted("plum", quarters=3) == "plum in 3"
    assert list(inspect.signature(counted).parameters) == ["cake", "quarters"]
    assert (counted.__name__, counted.__doc__) == ("counted", "How a cake is cut.")


def test_both_at_once_and_an_unknown_option_are_refused_in_words() -> None:
    with pytest.raises(
        BadCallError, match=r"given 'quarters', and 'halves', its old name\. Leave out 'halves'"
    ):
        counted("plum", quarters=3, halves=3)
    with pytest.raises(BadCallError, match="no option 'slices'"):
        counted("plum", slices=3)


def test_a_scale_is_one_over_the_temperature_it_was_asked_for_by(space: Embeddings) -> None:
    with pytest.warns(
        DeprecationWarning, match=r"contrastive_loss\(scale=\.\.\.\), which is 1 / temperature"
    ):
        old = contrastive_loss(space.image, space.text, temperature=0.05)
    assert old == contrastive_loss(space.image, space.text, scale=20)
    with pytest.raises(BadInputError, match="temperature is 0"), pytest.warns(DeprecationWarning):
        contrastive_loss(space.image, space.text, temperature=0)
    drawn = project(space, method="pca")
    with pytest.warns(DeprecationWarning, match=r"measures\(scale=\.\.\.\)"):
        assert measures(drawn, temperature=0.05) == measures(drawn, scale=20)
    with pytest.warns(DeprecationWarning, match=r"pair_figures\(scale=\.\.\.\)"):
        found = pair_figures(drawn, temperature=None)
    np.testing.assert_array_equal(found["loss"], pair_figures(drawn)["loss"])


def test_k_of_recall_was_most(space: Embeddings) -> None:
    ranks = pair_ranks(space.text, space.image)
    with pytest.warns(DeprecationWarning, match=r"recall\(k=\.\.\.\)"):
        assert recall(ranks, most=5) == recall(ranks, k=5)
    with pytest.warns(DeprecationWarning, match=r"within\(k=\.\.\.\)"):
        np.testing.assert_array_equal(ranks.within(most=3), ranks.within(3))
    with pytest.warns(DeprecationWarning, match=r"chance\(k=\.\.\.\)"):
        assert ranks.chance(most=3) == pytest.approx(0.1)


def test_the_limit_of_examples_was_most() -> None:
    with pytest.warns(DeprecationWarning, match=r"examples\(limit=\.\.\.\)"):
        old = examples("shapes-questions", most=60)
    assert old.code == examples("shapes-questions", limit=60).code
    assert "limit=60" in old.code and len(old.labels) <= 60


def test_the_index_of_a_fusion_in_a_report_was_its_place() -> None:
    from workbench.fusion import measured

    report = measured("easy-vqa-few")
    with pytest.warns(DeprecationWarning, match=r"FusionReport\.index\(fusion\)") as said:
        assert report.place(report.fusions[1]) == report.index(report.fusions[1]) == 1
    assert said[0].filename == __file__


def test_the_recorder_is_found_at_its_old_place_too() -> None:
    from workbench.attention import recorder

    with pytest.warns(DeprecationWarning, match=r"workbench\.attention\.recorder\.Recorder"):
        from workbench.capture.recording import Recorder
    assert Recorder is recorder.Recorder
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        importlib.import_module("workbench.capture.recording").nothing  # noqa: B018
