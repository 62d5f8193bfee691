"""The gate: how far an output may move, half precision, what is no number, and a model left as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.families import FAMILIES, made, state
from workbench import data, models
from workbench.attention.explicit import answered
from workbench.attention.output_gate import GATE, difference_between, hold_to
from workbench.attribution import attribute
from workbench.capture import capture, estimate
from workbench.errors import BadInputError, Cancelled, UnsupportedError
from workbench.runtime import memory_left


def test_an_output_may_move_by_the_gate_and_not_by_more() -> None:
    plain = torch.ones(4, dtype=torch.float64)
    assert GATE == 1e-4
    assert hold_to([plain], [plain * (1 + 0.99e-4)], "model") == pytest.approx(0.99e-4)
    with pytest.raises(UnsupportedError, match=r"model's output moved by 0.0001 .*at most 0.0001 is allowed"):
        hold_to([plain], [plain * (1 + 1.01e-4)], "model")


def test_what_is_no_number_never_passes() -> None:
    number, none = torch.ones(3), torch.tensor([1.0, float("nan"), 1.0])
    assert difference_between([number], [none]) == float("inf")
    with pytest.raises(BadInputError, match=r"model gives NaN before anything is watched"):
        hold_to([none], [none], "model")
    shut = torch.tensor([1.0, float("-inf")])
    assert difference_between([shut], [shut]) == 0  # a class that is ruled out
    model, inputs = made("vit")
    for explain in (capture, attribute):
        with pytest.raises(BadInputError, match=r"gives NaN .*Its inputs or its weights hold NaN"):
            explain(model, {name: value * float("nan") for name, value in inputs.items()})


def _halved(inputs: dict[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", FAMILIES)
def test_half_precision_is_captured_with_the_output_untouched(name: str, kind: str) -> None:
    """Weights of the half-precision pass itself, summed in float32: near those of the exact model."""
    model, inputs = made(name)
    exact, dtype = capture(model, inputs), getattr(torch, kind)
    trace = capture(model.to(dtype), _halved(inputs, dtype))
    assert trace.difference == 0
    for site in trace.sites:
        values = trace.attention(site).values
        np.testing.assert_allclose(values.sum(axis=-1), 1, atol=2e-2)  # older models' softmax is in half
        np.testing.assert_allclose(values, exact.attention(site.name).values, atol=0.03)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_is_explained_nearly_as_the_exact_model_is(kind: str) -> None:
    model, inputs = made("vit")
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)
    exact, dtype = attribute(model, inputs, method="relevance"), getattr(torch, kind)
    found = attribute(model.to(dtype), _halved(inputs, dtype), method="relevance")
    assert np.corrcoef(found.image.ravel(), exact.image.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_dual_encoder_in_half_precision_is_captured_and_explained(dtype: str) -> None:
    model, pair = models.load("emoji-clip", dtype=dtype), data.load("emoji")[10]
    assert capture(model, pair).difference == 0
    maps = attribute(model, pair, method=["relevance", "grad-eclip", "legrad"])
    exact = attribute(models.load("emoji-clip"), pair, method=["relevance", "grad-eclip", "legrad"])
    for one, other in zip(maps, exact, strict=True):
        assert np.corrcoef(one.image.ravel(), other.image.ravel())[0, 1] > 0.9, one.method


def test_attention_that_is_another_than_softmax_is_refused_in_half_precision_too() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, 2, 5, 8, generator=generator).bfloat16() for _ in range(3))
    values, output = answered(functional.scaled_dot_product_attention, query, key, value, is_causal=True)
    assert (values[..., 0, 1:] == 0).all() and output.dtype == torch.bfloat16

    def forgets_its_mask(*args, is_causal: bool = False, **kwargs):
        return functional.scaled_dot_product_attention(*args, **kwargs)

    with pytest.raises(UnsupportedError, match=r"In bfloat16 the attention .* differ by .*in float32"):
        answered(forgets_its_mask, query, key, value, is_causal=True)


def test_an_explanation_of_two_towers_is_held_to_the_plain_model(clip_folder, pair) -> None:
    """A tower that computes something else while it is differentiated: the map would be of another number."""
    model = models.load(str(clip_folder()))

    def drifts(_: nn.Module, __: object, output: torch.Tensor) -> torch.Tensor:
        return output + output.roll(1, -1) if torch.is_grad_enabled() else output

    handle = model.model.visual.transformer.resblocks[-1].register_forward_hook(drifts)
    try:
        with pytest.raises(UnsupportedError, match=r"the image tower's output moved by .*read truthfully"):
            attribute(model, pair, method="relevance")
    finally:
        handle.remove()
    assert attribute(model, pair, method="relevance").image is not None


class Breaks(nn.Module):
    """A model that fails in the middle of a pass, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.inputs = made("bert")
        self.config, self.left = self.inner.config, 0

    def forward(self, **inputs: torch.Tensor):
        self.left -= 1
        hidden = self.inner(**inputs)
        if self.left == 0:
            raise RuntimeError("the disk is gone")
        return hidden


@pytest.mark.parametrize("explain", [capture, attribute])
@pytest.mark.parametrize("at", [1, 2])
def test_the_model_and_torch_are_left_as_they_were_after_an_exception(explain, at: int) -> None:
    model = Breaks().train()
    before = state(model)
    torchs = functional.scaled_dot_product_attention, functional.softmax, torch.multinomial
    model.left = at
    with pytest.raises(BadInputError, match=r"Breaks cannot take input_ids \(1, 7\).*the disk is gone"):
        explain(model, model.inputs)
    assert state(model) == before and model.inner.training
    assert (functional.scaled_dot_product_attention, functional.softmax, torch.multinomial) == torchs


def test_a_dual_encoder_is_left_as_it_was_after_a_cancelled_explanation(clip_folder, pair) -> None:
    model = models.load(str(clip_folder()))
    before, asked = state(model.model), iter([False, False, True])
    with pytest.raises(Cancelled):
        attribute(model, pair, method=["relevance", "occlusion"], should_stop=lambda: next(asked, True))
    assert state(model.model) == before


def test_inputs_that_a_model_cannot_take_are_named_with_its_own_reason() -> None:
    model, inputs = made("bert")
    with pytest.raises(BadInputError, match=r"BertModel cannot take input_ids \(1, 4000\).*own processor"):
        capture(model, {"input_ids": torch.zeros(1, 4000, dtype=torch.long)})
    with pytest.raises(BadInputError, match=r"Blip.* cannot take input_ids .*missing 1 required.*pixel_val"):
        capture(made("blip")[0], inputs)
    for explain in (capture, attribute):
        with pytest.raises(BadInputError, match=r"words has 3 names; the text has 5 tokens and 2 of padding"):
            explain(model, inputs, words=["a", "b", "c"])


def test_a_picture_may_be_a_path_or_an_array_and_what_is_none_is_named(tmp_path) -> None:
    model, picture = models.load("emoji-clip"), data.load("emoji")[10].picture.convert("RGB")
    picture.save(tmp_path / "one.png")
    given = (picture, np.asarray(picture), str(tmp_path / "one.png"))
    scores = [capture(model, (one, "a cat")).score for one in given]
    assert max(scores) - min(scores) < 1e-6
    with pytest.raises(BadInputError, match=r"no-such\.png"):
        capture(model, ("no-such.png", "a cat"))


def test_more_memory_than_there_is_is_refused_before_it_is_taken(monkeypatch, clip_folder, pair) -> None:
    model, inputs = made("bert")
    assert estimate(model, inputs).working == 12 * 4 * 7 * 7  # four heads, seven tokens
    monkeypatch.setattr("workbench.runtime.memory_left", lambda _: 2_000)
    with pytest.raises(
        BadInputError, match=r"Keeping 3.4 kB .* 5.7 kB of memory at once, and 2.0 kB are left"
    ):
        capture(model, inputs, budget=10**12)
    for explained, given in ((model, inputs), (models.load(str(clip_folder())), pair)):
        with pytest.raises(
            BadInputError, match=r"Attention with its gradients would need .*Take 'occlusion'"
        ):
            attribute(explained, given, method="relevance")
        assert attribute(explained, given, method="occlusion").text is not None


def test_what_is_left_is_less_than_all_there_is() -> None:
    import psutil

    assert 0 < memory_left() < psutil.virtual_memory().total


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_padding_in_front_is_read_as_torch_reads_it(name: str) -> None:
    model, inputs = made(name)
    mask = torch.ones(1, 7, dtype=torch.long)
    mask[:, :3] = 0
    given = {"input_ids": inputs["input_ids"], "attention_mask": mask}
    trace = capture(model, given)
    values = trace.attention("text.0").values
    assert np.isfinite(values).all() and trace.difference <= 2e-6
    np.testing.assert_allclose(values[:, 3:].sum(axis=-1), 1, atol=1e-5)
    assert (values[:, 3:, :3] == 0).all()
    assert np.isfinite(attribute(model, given, method="relevance").text).all()
    for explain in (capture, attribute):
        with pytest.raises(BadInputError, match=r"attention_mask is 0 everywhere, so no token of the text"):
            explain(model, given | {"attention_mask": mask * 0})


def test_a_row_in_which_all_is_masked_attends_to_nothing() -> None:
    query, key, value = (torch.ones(1, 1, 2, 4) for _ in range(3))
    mask = torch.tensor([[False, False], [True, False]])
    values, output = answered(functional.scaled_dot_product_attention, query, key, value, attn_mask=mask)
    assert values[0, 0].tolist() == [[0, 0], [1, 0]]
    torch.testing.assert_close(output, functional.scaled_dot_product_attention(query, key, value, mask))
