from __future__ import annotations

import pytest

from workbench.errors import BadInputError
from workbench.zeroshot.prompts import check_labels, check_template, check_templates, fill


def test_a_label_with_braces_is_put_in_literally() -> None:
    assert fill("{0.__class__} {}", "a photo of {}!") == "a photo of {0.__class__} {}!"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a photo", "has no {}"),
        ("{} and {}", "more than one {}"),
        ("a {} {label}", "other braces"),
        ("a {0}", "has no {}"),
        ("   ", "is empty"),
    ],
)
def test_a_template_that_would_mislead_is_refused(template: str, said: str) -> None:
    with pytest.raises(BadInputError, match="template") as refused:
        check_template(template)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], "No label was given"),
        (["cat", "  "], "1 label (2) is blank"),
        (["", "cat", ""], "2 labels (1, 3) are blank"),
        (["cat", "dog", " cat "], "'cat' is given twice (places 1 and 3)"),
        ("cat", "single text 'cat'"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(labels: list[str], said: str) -> None:
    with pytest.raises(BadInputError) as refused:
        check_labels(labels)
    assert said in str(refused.value)


def test_one_label_five_thousand_labels_and_markup_are_fine() -> None:
    assert check_labels(["cat"]) == ("cat",)
    assert len(check_labels([f"label {k}" for k in range(5000)])) == 5000
    assert check_labels(["<script>alert(1)</script>"]) == ("<script>alert(1)</script>",)


def test_repeated_templates_are_kept_once_and_one_text_is_a_list_of_one() -> None:
    assert check_templates(["{}", " {} ", "a {}"]) == ("{}", "a {}")
    assert check_templates("a {}") == ("a {}",)


def test_spaces_within_a_label_make_no_second_class() -> None:
    assert check_labels(["a  cat", " a\tdog "]) == ("a cat", "a dog")
    with pytest.raises(BadInputError, match=r"'a cat' is given twice \(places 1 and 3\)"):
        check_labels(["a cat", "a dog", "a  cat"])
