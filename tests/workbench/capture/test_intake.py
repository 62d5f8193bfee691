"""What capture takes and refuses, windows, what is no map, random draws, old ways of computing attention."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from torch import Tensor, nn
from torch.nn import functional

from tests.families import EYE, SMALL, WORDS, ids, made, pixels
from tests.reading_families import FAMILIES as READING
from tests.writing_families import FAMILIES as WRITING
from workbench import data
from workbench.attention.recorder import Recorder, recording
from workbench.capture import AttentionMap, capture, estimate, head_statistics, open_trace, rollout
from workbench.errors import BadInputError, UnsupportedError


def _made(name: str) -> tuple[Any, dict[str, Tensor]]:
    torch.manual_seed(3)
    model, inputs = {**READING, **WRITING}[name][0]()
    return model.eval(), inputs


# Windows -----------------------------------------------------------------------------------------


def test_the_windows_of_a_layer_are_all_there_and_said() -> None:
    trace = capture(*_made("swin"))
    one = trace.attention("image.layers.0.blocks.0")
    assert (one.site.windows, one.site.of, one.more.shape) == (4, "window", (3, 2, 16, 16))
    assert "in 4 windows" in str(one.site)
    np.testing.assert_array_equal(one.window(2).values, one.more[1])
    with pytest.raises(BadInputError, match=r"no window 4; .* has 4, from 0"):
        one.window(4)
    assert trace.notes == (
        "2 sites (image.layers.0.blocks.0 to image.layers.0.blocks.1) attend within windows, 8 maps in all: "
        "values is the first, window(number) gives each.",
    )
    with pytest.raises(BadInputError, match=r"has 4 windows; got the maps of 1"):
        AttentionMap(one.site, one.values)


def test_what_windows_take_is_estimated_and_they_are_kept_in_a_folder(tmp_path) -> None:
    model, inputs = _made("swin")
    trace = capture(model, inputs)
    assert estimate(model, inputs).bytes == trace.bytes
    trace.save(tmp_path / "kept")
    again = open_trace(tmp_path / "kept")
    for name, one in trace.maps.items():
        assert again.maps[name].site == one.site
        np.testing.assert_array_equal(again.maps[name].values, one.values)
        if one.more is not None:
            np.testing.assert_array_equal(again.maps[name].more, one.more)


def test_a_layout_of_several_pictures_is_kept_in_a_folder(tmp_path) -> None:
    trace = capture(*_made("qwen2vl_two"))
    trace.save(tmp_path / "kept")
    assert [one.site for one in open_trace(tmp_path / "kept").maps.values()] == list(trace.sites)


def test_the_figures_of_windows_are_their_mean_and_rollout_refuses_them() -> None:
    trace = capture(*_made("swin"))
    one = trace.attention("image.layers.0.blocks.0")
    each = [head_statistics(one.window(number)).entropy for number in range(4)]
    assert np.ptp(each, axis=0).min() > 0
    np.testing.assert_allclose(head_statistics(one).entropy, np.mean(each, axis=0), atol=1e-6)
    for given in (one, one.window(0)):
        with pytest.raises(BadInputError, match=r"attends within windows, which differ from layer to layer"):
            rollout([given])


def test_rollout_follows_one_of_several_pictures() -> None:
    trace = capture(*_made("llava_two"))
    layers = [trace.attention(f"image.{layer}") for layer in (0, 1)]
    with pytest.raises(BadInputError, match=r"several pictures. Take one of them: attention.window\(0\)"):
        rollout(layers)
    flows = [rollout([one.window(number) for one in layers]) for number in (0, 1)]
    assert flows[0].shape == (17, 17) and np.abs(flows[0] - flows[1]).max() > 0


def test_each_picture_of_a_prompt_attends_as_it_does_alone() -> None:
    """The oracle: the same vision tower given one picture at a time."""
    model, inputs = _made("llava_two")
    one = capture(model, inputs).attention("image.0")
    tower = model.model.vision_tower
    for number in (0, 1):
        alone = capture(tower, {"pixel_values": inputs["pixel_values"][number : number + 1]})
        np.testing.assert_allclose(one.window(number).values, alone.attention("image.0").values, atol=1e-6)


# What is no map of tokens --------------------------------------------------------------------------


def test_what_weighs_no_tokens_is_counted_and_is_no_site() -> None:
    trace = capture(*_made("deformable_detr"))
    assert all("decoder" in site.path and site.query.count == 5 for site in trace.sites)
    assert any(
        note.startswith("4 attentions of DeformableDetrMultiscaleDeformableAttention: weights of points")
        for note in trace.notes
    )
    notes = capture(*_made("florence2")).notes
    assert any(
        "2 attentions of Florence2VisionChannelAttention: weights of channels" in note for note in notes
    )


def test_a_model_with_nothing_but_bands_is_refused_for_what_it_is() -> None:
    config = hf.LongformerConfig(**WORDS, **SMALL, attention_window=4, max_position_embeddings=64)
    with pytest.raises(UnsupportedError, match=r"its 2 attentions have weights of a band of neighbours"):
        capture(hf.LongformerModel(config).eval(), ids(8))


class _Deaf(nn.Module):
    """One attention that is heard and one that computes its weights by hand."""

    class OddAttention(nn.Module):
        def forward(self, hidden: Tensor) -> Tensor:
            scores = (hidden @ hidden.transpose(-1, -2)).exp()
            return scores / scores.sum(dim=-1, keepdim=True) @ hidden

    def __init__(self) -> None:
        super().__init__()
        self.heard, self.odd = nn.MultiheadAttention(8, 2, batch_first=True), self.OddAttention()

    def forward(self, input_ids: Tensor) -> Tensor:
        hidden = functional.one_hot(input_ids, 8).float()
        return self.odd(self.heard(hidden, hidden, hidden)[0])


def test_attention_that_ran_unheard_is_said() -> None:
    trace = capture(_Deaf().eval(), {"input_ids": torch.arange(6)[None]})
    assert len(trace.sites) == 1
    assert trace.notes == (
        "1 module of OddAttention ran without attention that could be read: not in the trace.",
    )


# Old ways of computing attention --------------------------------------------------------------------


class _Old(nn.Module):
    """Attention over three or five axes, by softmax, Tensor.softmax or the fused function."""

    class Attention(nn.Module):
        num_heads = 2

        def __init__(self, way: str, axes: int) -> None:
            super().__init__()
            self.way, self.axes, self.qkv = way, axes, nn.Linear(8, 24)

        def forward(self, hidden: Tensor) -> Tensor:
            items, tokens, _ = hidden.shape
            parts = self.qkv(hidden).view(items, tokens, 3, 2, 4).permute(2, 0, 3, 1, 4)
            if self.axes == 3:
                query, key, value = (part.reshape(items * 2, tokens, 4) for part in parts)
            else:  # item x head x unit x query x feature
                query, key, value = (part.reshape(items, 2, 2, tokens // 2, 4) for part in parts)
            if self.way == "fused":
                mixed = functional.scaled_dot_product_attention(query, key, value)
            else:
                scores = query @ key.transpose(-2, -1) / 2
                ways = {"functional": functional.softmax, "torch": torch.softmax, "tensor": Tensor.softmax}
                mixed = ways[self.way](scores, dim=-1) @ value
            return mixed.reshape(items, 2, tokens, 4).transpose(1, 2).reshape(items, tokens, 8)

    def __init__(self, way: str, axes: int) -> None:
        super().__init__()
        self.attention = self.Attention(way, axes)

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.attention(functional.one_hot(input_ids, 8).float())


@pytest.mark.parametrize("axes", [3, 5])
@pytest.mark.parametrize("way", ["fused", "functional", "torch", "tensor"])
def test_three_and_five_axes_are_heads_whichever_function_computes_them(way: str, axes: int) -> None:
    torch.manual_seed(0)
    model, inputs = _Old(way, axes).eval(), {"input_ids": torch.arange(6)[None]}
    trace = capture(model, inputs)
    one = trace.attention(trace.sites[0])
    hidden = functional.one_hot(inputs["input_ids"], 8).double()
    weight, bias = model.attention.qkv.weight.double(), model.attention.qkv.bias.double()
    query, key, _ = (hidden @ weight.T + bias).view(6, 3, 2, 4).permute(1, 2, 0, 3).detach()
    units = 1 if axes == 3 else 2
    assert one.site.windows == units and one.site.heads == 2 and len(trace.sites) == 1
    for unit in range(units):
        rows = slice(unit * 6 // units, (unit + 1) * 6 // units)
        expected = torch.softmax(query[:, rows] @ key[:, rows].transpose(-1, -2) / 2, dim=-1)
        np.testing.assert_allclose(one.window(unit).values, expected.numpy(), atol=1e-6)
    recorder = Recorder(lambda _: True, graph=True)
    with torch.enable_grad(), recording(model, recorder):
        output = model(**inputs)
    (slope,) = torch.autograd.grad(output.square().sum(), [recorder.calls[0].values])
    assert slope.shape == (units, 2, 6 // units, 6 // units) and slope.abs().min() > 0
    torch.testing.assert_close(output, model(**inputs))


# Random draws -----------------------------------------------------------------------------------------


def test_a_model_that_draws_is_captured_of_one_draw_and_says_so() -> None:
    torch.manual_seed(3)
    model = hf.ViTMAEModel(hf.ViTMAEConfig(**EYE)).eval()
    trace = capture(model, pixels())
    assert trace.difference <= 2e-6
    assert any("draws random numbers in each pass (torch.rand)" in note for note in trace.notes)
    noise = torch.rand(1, 16)
    chosen = [capture(model, pixels() | {"noise": noise}) for _ in range(2)]
    assert chosen[0].notes == ()
    np.testing.assert_array_equal(*(one.attention("image.0").values for one in chosen))


def test_numbers_are_drawn_again_for_the_capturing_thread_alone() -> None:
    model = hf.ViTMAEModel(hf.ViTMAEConfig(**EYE)).eval()
    drawn: list[Tensor] = []
    stop = threading.Event()

    def draws() -> None:
        while not stop.is_set():
            drawn.append(torch.rand(1, 16))

    worker = threading.Thread(target=draws)
    worker.start()
    try:
        for _ in range(3):
            assert capture(model, pixels()).difference <= 2e-6
    finally:
        stop.set()
        worker.join()
    assert len({one.numpy().tobytes() for one in drawn}) == len(drawn)
    assert not hasattr(torch.rand, "__wrapped__")


# What is given ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["qwen2vl", "llava_two", "smolvlm", "llava_next", "internvl_tiles", "mllama"]
)
def test_more_than_one_prompt_is_refused_without_advice_that_cuts_a_picture(name: str) -> None:
    model, inputs = _made(name)
    twice = {key: value.repeat(2, *[1] * (value.ndim - 1)) for key, value in inputs.items()}
    several = len({len(value) for value in twice.values()}) > 1
    with pytest.raises(BadInputError, match=r"a trace is of one") as refused:
        capture(model, twice)
    assert not several or "value[:1]" not in str(refused.value)
    assert "processor with one text" in str(refused.value) or not several


def test_several_pictures_of_a_dual_encoder_are_several_items() -> None:
    model, inputs = made("clip")
    with pytest.raises(
        BadInputError, match=r"More than one item .*pixel_values \(3, 3, 32, 32\).*one text and"
    ):
        capture(model, inputs | {"pixel_values": torch.randn(3, 3, 32, 32)})


def test_inputs_come_in_one_piece_and_out_of_inference_mode() -> None:
    model, inputs = made("clip")
    turned = inputs["pixel_values"].permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    seen: list[bool] = []
    handle = model.register_forward_pre_hook(
        lambda _, __, named: seen.append(named["pixel_values"].is_contiguous()), with_kwargs=True
    )
    with torch.inference_mode():
        words = {name: value.clone() for name, value in inputs.items()}
    try:
        trace = capture(model, words | {"pixel_values": turned})
    finally:
        handle.remove()
    assert not turned.is_contiguous() and seen == [True, True] and len(trace.sites) == 4


def test_what_is_no_tensor_is_an_option_or_refused_by_name() -> None:
    model, inputs = made("bert")
    assert len(capture(model, inputs | {"output_hidden_states": True}).sites) == 2
    with pytest.raises(BadInputError, match=r"input_ids is a list and no tensor.*return_tensors='pt'"):
        capture(model, {"input_ids": [[1, 2]], "attention_mask": inputs["attention_mask"]})
    with pytest.raises(BadInputError, match=r"got a dictionary of pixel_values: ndarray"):
        capture(model, {"pixel_values": np.zeros((1, 3, 8, 8))})
    with pytest.raises(BadInputError, match=r"dictionary of inputs is empty"):
        capture(model, {})


def test_a_bare_module_of_another_library_is_read_by_what_it_is_given() -> None:
    import open_clip
    import timm

    torch.manual_seed(0)
    eye = {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8}
    words = {"context_length": 77, "vocab_size": 100, "width": 16, "heads": 2, "layers": 2}
    both = open_clip.CLIP(embed_dim=24, vision_cfg=eye, text_cfg=words).eval()
    given = {"image": torch.randn(1, 3, 32, 32), "text": torch.randint(1, 100, (1, 77))}
    trace = capture(both, given)
    assert [site.name for site in trace.sites] == ["image.0", "image.1", "text.0", "text.1"]
    assert trace.attention("text.0").causal and trace.attention("image.0").query.grid == (4, 4)
    late = timm.create_model("cait_xxs24_224", depth=1, img_size=64, num_classes=2).eval()
    head = capture(late, {"x": torch.randn(1, 3, 64, 64)}).sites[-1]
    assert (head.kind, head.key.grid, head.key.first_patch) == ("pooling", (4, 4), 1)  # its class token first


@pytest.mark.parametrize("named", [3, 5])
def test_words_of_a_text_padded_in_front_stand_behind_the_padding(named: int) -> None:
    """Models that write are read with padding in front: names of the three real tokens, or of all five."""
    torch.manual_seed(3)
    config = hf.GPT2Config(n_layer=1, n_head=2, n_embd=8, n_positions=8, vocab_size=20)
    model = hf.GPT2Model(config).eval()
    inputs = {
        "input_ids": torch.tensor([[0, 0, 4, 5, 6]]), "attention_mask": torch.tensor([[0, 0, 1, 1, 1]])
    }  # fmt: skip
    words = ("two", "red", "birds") if named == 3 else ("<pad>", "<pad>", "two", "red", "birds")
    layout = next(iter(capture(model, inputs, words=words).maps.values())).query
    assert layout.names == ("padding", "padding", "two", "red", "birds")
    assert layout.place_of("birds") == 4 and layout.padded == (0, 1)


@pytest.mark.parametrize("verb", [capture, estimate])
@pytest.mark.parametrize(
    "options", [{"rows": 3}, {"rows": None}, {"rows": ["x"]}, {"rows": []}, {"rows": "one"}]
)
def test_rows_that_are_neither_a_word_nor_places_are_refused_by_both_verbs(verb, options) -> None:
    with pytest.raises(BadInputError, match=r"rows=.* expected rows 'all' or 'pooled', or places of tokens"):
        verb("shapes-clip", data.load("shapes", n=1)[0], **options)
    with pytest.raises(BadInputError, match="precision='half' was given; expected 'float32' or 'float16'"):
        verb("shapes-clip", data.load("shapes", n=1)[0], precision="half")
