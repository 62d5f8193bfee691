from __future__ import annotations

import numpy as np
import pytest

from workbench.fusion.inside.cross_attention import crossing

MASKS = {"image": np.ones((1, 2), bool), "text": np.array([[True, True, False]])}


def even(queries: int, keys: int):
    return np.full((1, 2, queries, keys), 1 / keys, np.float32)


@pytest.mark.parametrize(
    ("attentions", "expected"),
    [
        ({"0/cls+image->cls+image": even(3, 3)}, 0),
        ({"0/cls+image->cls+image+cls+text": even(3, 7)}, 4 / 7),
        ({"0/cls+image+text->cls+image+text": even(6, 6)}, (2 * 3 / 6 + 2 * 2 / 6) / 4),
        ({"1/cls+image->cls+text": even(3, 4)}, 1),
        ({"2/cls->null+image": even(1, 3)}, 2 / 3),
        ({"0/latents->null+image+text": even(4, 6)}, np.nan),
        ({"0/cls+image+b->cls+image+b": even(5, 5)}, 0),
        ({"0/cls+image+b->cls+image+b": even(5, 5), "1/cls+image+b->cls+image+b": even(5, 5)}, 0.1),
    ],
)  # fmt: skip
def test_the_share_that_crosses_is_counted_by_who_asks_and_who_is_read(attentions, expected) -> None:
    assert crossing(attentions, MASKS) == pytest.approx([expected], nan_ok=True, abs=1e-6)
