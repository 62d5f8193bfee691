from __future__ import annotations

import io
import re

import numpy as np
import pytest
import traitlets
from ipywidgets import Widget
from PIL import Image

from widgets import esm, wire


class _Holder(Widget):
    bytes_of = wire.ByteTrait()


def test_bytes_from_the_browser_arrive_though_they_come_as_a_memoryview() -> None:
    holder = _Holder()
    holder.set_state({"bytes_of": memoryview(b"abc")})
    assert holder.bytes_of == b"abc"
    assert isinstance(_Holder.bytes_of, traitlets.Bytes)


def test_a_sprite_has_one_cell_for_each_picture_in_reading_order() -> None:
    pictures = [Image.new("RGB", (10, 20), (40 * k, 0, 0)) for k in range(5)]
    sheet = np.asarray(Image.open(io.BytesIO(wire.sprite(pictures, cell=20, columns=3))).convert("RGB"))
    assert sheet.shape == (40, 60, 3)
    centres = [int(sheet[10 + 20 * (k // 3), 10 + 20 * (k % 3), 0]) for k in range(5)]
    np.testing.assert_allclose(centres, [0, 40, 80, 120, 160], atol=8)


def test_a_large_picture_is_shrunk_and_a_small_one_is_exact() -> None:
    random = np.random.default_rng(0)
    large = Image.fromarray(random.integers(0, 255, (300, 500, 3), dtype=np.uint8))
    assert Image.open(io.BytesIO(wire.as_bytes(large, side=100))).size == (100, 60)
    small = Image.fromarray(random.integers(0, 255, (8, 9, 3), dtype=np.uint8))
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(wire.as_bytes(small))).convert("RGB")), np.asarray(small)
    )


@pytest.mark.parametrize(
    "name", ["zero_shot/board", "lens/board", "attribution/board", "atlas/board", "fusion/board"]
)
def test_a_front_end_is_one_module_without_imports_or_addresses(name: str) -> None:
    text = esm.script(name)
    assert not re.search(r"^\s*import\b", text, re.MULTILINE)
    assert text.count("export default") == 1
    addresses = text.replace("http://www.w3.org/", "")  # names of namespaces: nothing is ever fetched by them
    assert "http://" not in addresses
    assert "https://" not in addresses
    assert "innerHTML" not in text
    assert text.count("function h(") == 1
