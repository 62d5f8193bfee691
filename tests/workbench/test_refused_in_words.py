"""Values that were taken in silence, or ended in an error of NumPy or Python, are refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from workbench import data
from workbench.errors import BadInputError, UnknownNameError
from workbench.fusion import Plan, advise, examples
from workbench.projection import contrastive_loss, project, stability
from workbench.results import Embeddings
from workbench.zeroshot import classify, leave_one_out, reliability, template_cosines


@pytest.fixture(scope="module")
def ranking():
    shapes = data.load("shapes", n=6)
    return classify("shapes-clip", shapes, sorted(set(shapes.labels)), templates=["{}", "a {}"])


@pytest.mark.parametrize("item", [6, -7])
@pytest.mark.parametrize("verb", [lambda r, item: leave_one_out(r, item=item), template_cosines])
def test_an_item_that_a_ranking_does_not_have(ranking, verb, item):
    with pytest.raises(BadInputError, match=f"item is {item}; this ranking has 6 pictures"):
        verb(ranking, item)


def test_items_may_be_counted_from_the_end(ranking):
    assert (template_cosines(ranking, -1) == template_cosines(ranking, 5)).all()
    np.testing.assert_array_equal(leave_one_out(ranking, item=-6), leave_one_out(ranking, item=0))


@pytest.mark.parametrize(
    ("options", "told"),
    [({"bins": 0}, "bins is 0; expected at least 1"), ({"spacing": "log"}, "'width' or 'mass'")],
)
def test_bins_that_are_none(ranking, options, told):
    with pytest.raises(BadInputError, match=told):
        reliability(ranking, **options)


def test_a_loss_of_no_known_rule():
    with pytest.raises(BadInputError, match="rule is 'hinge'; expected 'softmax' or 'sigmoid'"):
        contrastive_loss(np.eye(2), np.eye(2), scale=1.0, rule="hinge")


def test_no_seeds_to_compare_with():
    projection = project(Embeddings.from_array(np.random.default_rng(0).normal(size=(9, 3))), method="pca")
    with pytest.raises(BadInputError, match="seeds is 0; expected at least 1"):
        stability(projection, seeds=0)


def test_examples_of_no_rows():
    with pytest.raises(BadInputError, match="limit is 0; expected at least 1 row"):
        examples(data.load("shapes", n=6), limit=0)


def test_an_option_of_the_advice_or_a_size_that_there_is_not():
    advice = advise()
    assert advice.option(advice.choice).name == advice.choice
    with pytest.raises(UnknownNameError, match="Did you mean 'mean-logits'"):
        advice.option("mean-logit")
    with pytest.raises(BadInputError, match=r"with_design\(\) has no option 'widt'.*'width'"):
        Plan().with_design(widt=64)


def test_a_message_that_quotes_a_whole_file_is_short_enough_to_be_read():
    told = str(BadInputError(f"table.csv cannot be read: {'x' * 100_000}. Save it again."))
    assert len(told) <= 4000 and "letters left out" in told
    assert told.startswith("table.csv cannot be read: x") and told.endswith("x. Save it again.")
    assert str(UnknownNameError("no such model")) == "no such model"
