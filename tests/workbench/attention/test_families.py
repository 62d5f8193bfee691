"""What is peculiar to a family stands in one table, and nowhere in the mechanics."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.families import made
from workbench import attention, capture
from workbench.attention.families import CROSSES, FAMILIES, GATE, IN_DECODER, Family, family_of
from workbench.attention.recorder import Recorder, recording
from workbench.capture import capture as captured


def _said(file: Path) -> Iterator[str]:
    """Every string of a file that is no docstring."""
    tree = ast.parse(file.read_text("utf-8"))
    apart = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            yield node.value.lower()


@pytest.mark.parametrize("room", [attention, capture])
def test_no_family_is_named_in_the_mechanics(room) -> None:
    named = [
        f"{file.name}: {name}"
        for file in Path(room.__file__).parent.glob("*.py")
        for said in _said(file)
        for name in FAMILIES
        if file.name != "families.py" and re.search(rf"\b{name}", said)
    ]
    assert named == []


@pytest.mark.parametrize("wrapped", [False, True], ids=["itself", "inside another module"])
@pytest.mark.parametrize("name", ["flava", "vilt"])
def test_a_family_is_known_by_the_configuration_of_any_part(name: str, wrapped: bool) -> None:
    model, _ = made(name)
    root = nn.ModuleDict({"inside": model}) if wrapped else model
    assert family_of(root) is FAMILIES[name]


def test_what_is_no_row_has_nothing_peculiar() -> None:
    assert family_of(made("blip")[0]) == family_of(nn.Linear(2, 2)) == Family()


def test_words_and_patches_stand_as_the_row_says() -> None:
    for name, first in (("vilt", 0), ("flava", 18)):  # behind two class tokens and sixteen patches
        layout = captured(*made(name)).attention("joint.0").query
        assert layout.first_word == first, name
        assert (layout.first_patch < layout.first_word) is FAMILIES[name].patches_first


@pytest.mark.parametrize(("name", "drawn"), [("vilt", False), ("bert", True)])
def test_random_draws_are_put_in_order_for_the_family_that_shuffles_and_for_no_other(name, drawn) -> None:
    weights = torch.ones(64)
    with torch.random.fork_rng(), recording(made(name)[0], Recorder()):
        torch.manual_seed(0)
        in_order = torch.equal(torch.multinomial(weights, 64), torch.arange(64))
    assert in_order is not drawn


def test_modules_and_gates_are_told_by_their_names() -> None:
    for path in (
        ".crossattention",
        ".encoder_attn",
        ".EncDecAttention",
        ".enc_dec_attn",
        ".visual_attention",
    ):
        assert CROSSES.search(path), path
    assert not CROSSES.search(".self_attn")
    assert IN_DECODER.search("model.decoder.layers.0") and IN_DECODER.search("text_decoder.block")
    assert not IN_DECODER.search("model.decoder_norm")
    assert GATE.search("alpha_cross_attn") and GATE.search("attn_gate") and not GATE.search("alpha_dense")
