"""The lens on layers with several windows or pictures, on merged patches, and on what a decoder writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.reading_families import FAMILIES as READING
from tests.writing_families import FAMILIES as WRITING
from widgets import show
from widgets.lens.checks import check_selected
from widgets.lens.trace_view import groups_of, token_ids
from workbench.capture import Trace, capture, head_statistics
from workbench.errors import BadInputError


def _trace(name: str) -> Trace:
    torch.manual_seed(3)
    model, inputs = {**READING, **WRITING}[name][0]()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5)  # so that attention is not even
    return capture(model.eval(), inputs)


def test_a_lens_of_windows_says_which_one_it_shows_and_shows_that_one() -> None:
    trace = _trace("swin")
    groups = groups_of(trace)
    assert [group.title for group in groups] == ["picture to picture, window 1 of 4", "picture to picture"]
    assert not groups[0].square and groups[1].square
    lens: Any = show(trace)
    one = trace.attention("image.layers.0.blocks.0")
    lens.selected = {"site": one.site.name, "reading": "head", "head": 1, "token": 3, "backwards": False}
    np.testing.assert_array_equal(lens.weights, one.values[1, 3])
    figures = lens._view["groups"][0]["figures"]["entropy"][0]
    np.testing.assert_allclose(figures, head_statistics(one.window(0)).entropy, rtol=1e-3)
    assert np.abs(np.array(figures) - head_statistics(one).entropy).max() > 4e-4  # no mean of all windows
    with pytest.raises(BadInputError, match=r"Rollout multiplies whole square maps"):
        check_selected(lens.selected | {"reading": "rollout"}, groups)
    arrays = lens.snapshot().arrays
    np.testing.assert_array_equal(arrays["image.layers.0.blocks.0.more"], one.more)


def test_pictures_of_other_lengths_are_no_layers_of_one_grid() -> None:
    titles = [group.title for group in groups_of(_trace("qwen2vl_two"))]
    assert titles == ["picture to picture, picture 1", "picture to picture, picture 2",
                      "picture and text together"]  # fmt: skip


def test_merged_patches_are_not_drawn_on_the_grid_of_the_tower() -> None:
    trace = _trace("internvl")
    view = show(trace)._view
    tower, joint = view["groups"]
    assert view["grid"] == (4, 4) and tower["query_patches"] and not joint["query_patches"]
    assert not any(name.startswith("p:") for name in joint["key_ids"])
    assert view["tokens"][joint["key_ids"][2]]["name"] == "row 0, column 1"


def test_words_of_encoder_and_decoder_are_not_the_same_tokens() -> None:
    groups = groups_of(_trace("t5"))
    assert [group.title for group in groups] == [
        "text to text", "text of the decoder to itself", "text of the decoder reads text"
    ]  # fmt: skip
    ids = [token_ids(group.maps[0].query) for group in groups[:2]]
    assert not set(ids[0]) & set(ids[1])
    assert groups_of(_trace("detr"))[2].title == "queries of the image reads image"
