"""What is captured is what the model used: transformers' and open_clip's own weights say the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as tf
from torch import nn

from tests.families import EYE, FAMILIES, made, pixels, state
from workbench import data, models
from workbench.attribution import attribute
from workbench.capture import Trace, capture, estimate
from workbench.errors import BadInputError, Cancelled, UnknownNameError, UnsupportedError


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_captured_with_the_gate_on_and_left_as_it_was(name: str) -> None:
    model, inputs = made(name)
    before = state(model)
    trace = capture(model, inputs)
    assert state(model) == before
    assert trace.difference <= 2e-6
    counted: dict[str, int] = {}
    for site in trace.sites:
        key = site.query.side + ("" if site.kind == "self" else f" {site.kind}")
        counted[key] = counted.get(key, 0) + 1
        np.testing.assert_allclose(trace.attention(site).values.sum(axis=-1), 1, atol=1e-5)
    assert counted == FAMILIES[name][2]
    assert len({site.name for site in trace.sites}) == len(trace.sites)


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit", "deit", "clip", "vilt", "llava"])
def test_the_weights_are_those_that_transformers_itself_returns(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle: the same weights under eager attention, asked for `output_attentions`."""
    model, inputs = made(name)
    trace = capture(model, inputs)
    model.set_attn_implementation("eager")
    if name == "vilt":  # it draws its patches in a random order, which capture puts straight
        monkeypatch.setattr(torch, "multinomial", lambda weights, count, *_, **__: torch.arange(count))
    with torch.no_grad():
        given = model(**inputs, output_attentions=True)
    two = {"image": "vision_model_output", "text": "text_model_output"}
    sides = {side: given[part] for side, part in two.items()} if name == "clip" else {"": given}
    sides = {"joint": given} if name == "llava" else sides
    for side, output in sides.items():
        sites = [site for site in trace.sites if site.query.side == side or not side]
        assert len(output.attentions) == len(sites) > 0
        for site, expected in zip(sites, output.attentions, strict=True):
            np.testing.assert_allclose(trace.attention(site).values, expected[0].numpy(), atol=2e-6)


def test_hidden_states_are_those_that_transformers_returns() -> None:
    model, inputs = made("bert")
    trace = capture(model, inputs)
    with torch.no_grad():
        expected = model(**inputs, output_hidden_states=True).hidden_states
    for layer, site in enumerate(trace.sites):
        np.testing.assert_allclose(trace.hidden(site), expected[layer + 1][0].numpy(), atol=1e-6)


def test_open_clips_own_weights_are_captured() -> None:
    """The oracle: nn.MultiheadAttention asked for its weights, layer by layer, outside of any capture."""
    model, pair = models.load("emoji-clip"), data.load("emoji")[10]
    trace = capture(model, pair, "image")
    asked: list[np.ndarray] = []
    handles = [
        block.attn.register_forward_pre_hook(
            lambda module, args, kwargs: (
                args,
                {**kwargs, "need_weights": True, "average_attn_weights": False},
            ),
            with_kwargs=True,
        )
        for block in model.model.visual.transformer.resblocks
    ] + [
        block.attn.register_forward_hook(lambda *found: asked.append(found[-1][1][0].detach().numpy()))
        for block in model.model.visual.transformer.resblocks
    ]
    try:
        model.encode_images([pair.picture])
    finally:
        for handle in handles:
            handle.remove()
    for site, expected in zip(trace.sites, asked, strict=True):
        np.testing.assert_allclose(trace.attention(site).values, expected, atol=2e-6)


def test_a_pair_of_the_shipped_model_is_captured_on_both_sides_with_its_words() -> None:
    model, pair = models.load("emoji-clip"), data.load("emoji")[10]
    trace = capture(model, pair)
    assert [site.name for site in trace.sites] == [
        *(f"image.{k}" for k in range(6)),
        *(f"text.{k}" for k in range(4)),
    ]
    assert trace.attention("text.0").causal and not trace.attention("image.0").causal
    assert trace.attention("text.0").query.words[0] == "<start>"
    assert trace.attention("image.0").query.grid == (8, 8)
    cosine = float(model.encode_images([pair.picture])[0] @ model.encode_texts([pair.text])[0])
    assert trace.score == pytest.approx(cosine, abs=1e-5)
    assert trace.picture.shape == (64, 64, 3)
    assert trace.difference <= 2e-6


@pytest.mark.parametrize(
    ("vision", "grid", "prefix", "pooling"),
    [
        ({}, (4, 4), 1, "token"),
        ({"image_size": [32, 48]}, (4, 6), 1, "token"),
        ({"timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "linear", "image_size": 160}, (10, 10), 1, "attention"),
        ({"timm_model_name": "test_vit4", "timm_pool": "avg", "timm_proj": "linear", "image_size": 160}, (10, 10), 1, "mean"),
    ],
)  # fmt: skip
def test_grids_need_not_be_square_and_prefixes_are_counted(
    vision, grid, prefix, pooling, clip_folder, pair
) -> None:
    timm = "timm_model_name" in vision
    model = models.load(str(clip_folder(vision=vision, **({"custom_text": True} if timm else {}))))
    trace = capture(model, pair)
    first = trace.attention("image.0").query
    assert first.grid == grid
    assert first.first_patch == prefix
    assert first.pooling == pooling
    assert first.count == first.first_patch + grid[0] * grid[1]
    assert ("image.pool" in trace.maps) == (pooling == "attention")
    assert trace.difference <= 2e-6


@pytest.mark.parametrize(("name", "place"), [("vilt", 7), ("flava", 1)])
def test_the_pictures_own_class_token_is_named_in_a_joint_sequence(name: str, place: int) -> None:
    trace = capture(*made(name))
    layout = trace.attention(trace.group("joint")[0]).query
    assert layout.names[place] == "picture's class token" and layout.kinds[place] == "special"
    assert layout.first_patch == place + 1 and not any("register" in name for name in layout.names)


def test_registers_stand_before_the_patches() -> None:
    config = tf.Dinov2WithRegistersConfig(**{**EYE, "image_size": 32, "num_register_tokens": 4})
    layout = capture(tf.Dinov2WithRegistersModel(config).eval(), pixels()).attention("image.0").query
    assert (layout.first_patch, layout.grid, layout.names[:2]) == (5, (4, 4), ("class token", "register 1"))


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2", "chinese_clip", "altclip"])
def test_dual_encoders_of_transformers_are_captured(kind: str, hf_folder, pair) -> None:
    trace = capture(models.load(str(hf_folder(kind))), pair)
    assert trace.group("image") and trace.group("text")
    assert trace.difference <= 2e-6


def test_a_planted_head_that_looks_at_one_patch_is_seen_to_do_so() -> None:
    model, inputs = made("vit")
    wanted = 1 + 2 * 6 + 3  # class token, then row 2, column 3
    attention = model.layers[0].attention
    projections = {name: part for name, part in attention.named_modules() if isinstance(part, nn.Linear)}
    query = next(part for name, part in projections.items() if name.startswith("q"))
    key = next(part for name, part in projections.items() if name.startswith("k"))
    with torch.no_grad():
        model.embeddings.position_embeddings.zero_()
        model.embeddings.position_embeddings[0, wanted] = 40 * torch.nn.functional.one_hot(
            torch.tensor(5), 32
        )
        query.weight.zero_(), key.weight.zero_(), query.bias.fill_(3.0)
        key.weight[:, 5] = 3.0
    seen = capture(model, inputs).attention("image.0").row(0)
    assert seen.argmax() == wanted and seen[wanted] > 0.9


def test_only_what_was_asked_for_is_kept_and_the_estimate_is_what_is_kept() -> None:
    model, pair = models.load("emoji-clip"), data.load("emoji")[10]
    some = capture(model, pair, ["image.2", "text"])
    assert [site.name for site in some.sites] == ["image.2", "text.0", "text.1", "text.2", "text.3"]
    whole, half = capture(model, pair), capture(model, pair, precision="float16")
    assert estimate(model, pair).bytes == whole.bytes == 2 * half.bytes
    row = capture(model, pair, rows="pooled", hidden=False)
    assert row.attention("image.5").values.shape == (6, 1, 65)
    np.testing.assert_array_equal(row.attention("image.5").row(0), whole.attention("image.5").row(0))
    assert estimate(model, pair, rows="pooled", hidden=False).bytes == row.bytes


def test_raw_attention_knows_nothing_of_the_other_side() -> None:
    model, pair = models.load("emoji-clip"), data.load("emoji")[10]
    one, other = capture(model, (pair.picture, "a cat")), capture(model, (pair.picture, "a red heart"))
    np.testing.assert_array_equal(one.attention("image.5").values, other.attention("image.5").values)


def test_capture_works_while_gradients_are_off_and_needs_no_training_flag() -> None:
    model, inputs = made("bert")
    model.train()
    with torch.no_grad():
        trace = capture(model, inputs)
    assert model.training and trace.difference <= 2e-6


def test_other_threads_are_not_disturbed_by_a_recording() -> None:
    import threading

    model, inputs = made("bert")
    alone = model(**inputs).last_hidden_state
    seen: list[torch.Tensor] = []
    worker = threading.Thread(
        target=lambda: [seen.append(model(**inputs).last_hidden_state) for _ in range(20)]
    )
    worker.start()
    traces = [capture(model, inputs) for _ in range(5)]
    worker.join()
    assert all(torch.allclose(alone, one, atol=1e-6) for one in seen)
    assert all(len(trace.sites) == 2 for trace in traces)


@pytest.mark.parametrize("explain", [capture, attribute])
def test_a_picture_with_no_tokens_left_is_refused(explain) -> None:
    model, inputs = made("vilt")
    with pytest.raises(BadInputError, match=r"4 x 12 pixels and a patch 8 x 8, so no token of it is left"):
        explain(model, inputs | pixels(4, 12))
    with pytest.raises(BadInputError, match=r"pixel_mask is 0 everywhere, so no token of the picture"):
        explain(model, inputs | {"pixel_mask": torch.zeros_like(inputs["pixel_mask"])})


def test_impossible_requests_are_refused_with_a_remedy(pair) -> None:
    model, inputs = made("bert")
    with pytest.raises(UnknownNameError, match=r"There is no site 'text.9'; this model has text.0, text.1"):
        capture(model, inputs, "text.9")
    with pytest.raises(BadInputError, match=r"would keep .* the budget is .*rows='pooled'"):
        capture(model, inputs, budget=1000)
    with pytest.raises(BadInputError, match=r"of \[2\] items were given; a trace is of one"):
        capture(model, {name: value.repeat(2, 1) for name, value in inputs.items()})
    with pytest.raises(BadInputError, match=r"tensors its processor gives"):
        capture(model, "a sentence")
    with pytest.raises(BadInputError, match=r"expected rows 'all' or 'pooled'"):
        capture(model, inputs, rows="some")
    with pytest.raises(BadInputError, match=r"neither a picture nor a text"):
        capture(models.load("emoji-clip"), (None, ""))
    with pytest.raises(UnknownNameError, match=r"emoji-clip"):
        capture("emoji-clop", pair)
    with pytest.raises(Cancelled, match=r"nothing was kept"):
        capture(model, inputs, should_stop=lambda: True)


def test_networks_without_attention_say_so() -> None:
    network = tf.ResNetModel(tf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1])).eval()
    with pytest.raises(UnsupportedError, match=r"no attention that could be read.*GradCAM"):
        capture(network, pixels())
    notes = capture(models.load("photo-lite"), data.load("photos")[0]).notes
    assert notes == ("The image tower has no attention that could be read.",)


class Moody(nn.Module):
    """Computes something else each time: what the gate is for."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.calls = 0

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        hidden = torch.nn.functional.one_hot(input_ids, 8).float() * self.calls
        return self.attention(hidden, hidden, hidden)[0]


def test_a_model_whose_output_moves_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"output moved by .* cannot be read truthfully"):
        capture(Moody().eval(), {"input_ids": torch.arange(6)[None]})


def test_fused_attention_that_keeps_no_weights_names_the_remedy() -> None:
    model, inputs = made("bert")

    def opaque(module, query, key, value, *args, **kwargs):
        return torch.zeros_like(query).transpose(1, 2).contiguous(), None

    tf.AttentionInterface.register("opaque", opaque)
    model.set_attn_implementation("opaque")
    with pytest.raises(
        UnsupportedError, match=r"'opaque', which keeps no weights.*attn_implementation='sdpa'"
    ):
        capture(model, inputs)


def test_a_trace_says_what_it_holds() -> None:
    trace = capture(*made("blip"))
    assert isinstance(trace, Trace)
    assert "6 sites" in repr(trace) and "output unchanged" in repr(trace)
    assert "text_encoder.encoder.layer.0.crossattention.self" in trace._repr_html_()
    with pytest.raises(UnknownNameError, match=r"no site 'text.7'"):
        trace.attention("text.7")
    assert trace.attention(trace.sites[0].path) is trace.attention(trace.sites[0].name)
