"""One tiny random model a family: every attention is there, of the right sequences, each patch at its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf

from tests.families import pixels
from tests.newer_families import FAMILIES as NEWER
from tests.reading_families import FAMILIES as READING
from tests.reading_families import SEES, packed, qwen2vl, qwen25vl
from tests.writing_families import FAMILIES as WRITING
from workbench.attention.recorder import Recorder, recording
from workbench.capture import AttentionMap, PatchGrid, Trace, capture

ALL = {**WRITING, **READING, **NEWER}
_GIVE_NONE = {
    "groupvit",
    "hiera",
    "sam",
    "segformer",
    "timesformer",
    "clap",
    "florence2",
    "videomae",
    "maskformer",
}
"""Under eager attention these give no maps, or maps put together otherwise."""


def _made(name: str) -> tuple[Any, dict[str, torch.Tensor]]:
    torch.manual_seed(3)
    model, inputs = ALL[name][0]()
    return model.eval(), inputs


def _whole(one: AttentionMap) -> np.ndarray:
    """window x head x query x key."""
    return one.values[None] if one.more is None else np.concatenate([one.values[None], one.more])


@pytest.mark.parametrize("name", ALL)
def test_every_attention_is_in_the_trace_between_the_right_sequences(name: str) -> None:
    model, inputs = _made(name)
    recorder = Recorder()
    with torch.no_grad(), recording(model, recorder):
        model(**inputs)
    trace = capture(model, inputs)
    assert len(recorder.calls) == len(trace.maps) == len({site.name for site in trace.sites})
    counted: dict[str, int] = {}
    for site, call in zip(trace.sites, recorder.calls, strict=True):
        assert (site.path, site.windows, site.heads) == (call.path, call.items, call.heads)
        values = _whole(trace.attention(site))
        assert len(values) == call.items
        np.testing.assert_allclose(values.sum(axis=-1), 1, atol=1e-5)
        between = site.query.stream if site.kind == "self" else f"{site.query.stream} > {site.key.stream}"
        counted[between] = counted.get(between, 0) + 1
    assert counted == ALL[name][1]
    assert trace.difference <= 2e-6


def _own_attentions(output: Any) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    for key, value in output.items() if hasattr(output, "items") else ():
        if "attentions" in key and value is not None:
            several = [value] if isinstance(value, torch.Tensor) else value
            found += [one.detach().numpy() for one in several if one is not None and one.ndim == 4]
        elif hasattr(value, "items"):
            found += _own_attentions(value)
    return found


@pytest.mark.parametrize("name", sorted(set(ALL) - _GIVE_NONE))
def test_each_map_that_the_library_gives_is_one_of_the_trace_with_all_its_windows(name: str) -> None:
    """The oracle: transformers' eager attention, asked for `output_attentions`."""
    model, inputs = _made(name)
    noise = {"noise": torch.rand(1, 16)} if name == "vitmae" else {}
    trace = capture(model, inputs | noise)
    mine = [_whole(one) for one in trace.maps.values()]
    model.set_attn_implementation("eager")
    with torch.no_grad():
        own = _own_attentions(model(**inputs, **noise, output_attentions=True))
    for one in own:
        assert any(one.shape == other.shape and np.abs(one - other).max() < 2e-6 for other in mine), one.shape
    assert own or name in {"clipseg", "deformable_detr", "yolos"} | set(READING) | set(NEWER)


# Layouts, by experiment ------------------------------------------------------------------------


def _changed(pixel: torch.Tensor, piece: int, grid: tuple[int, int], cell: tuple[int, int]) -> torch.Tensor:
    """The pictures with one cell of one of them made another."""
    made = pixel.clone()
    flat = made.view(-1, *made.shape[-3:])
    high, wide = flat.shape[-2] // grid[0], flat.shape[-1] // grid[1]
    rows, columns = slice(cell[0] * high, (cell[0] + 1) * high), slice(cell[1] * wide, (cell[1] + 1) * wide)
    flat[piece, :, rows, columns] = torch.randn(3, high, wide, generator=torch.Generator().manual_seed(7)) * 3
    return made


def _moved(before: Trace, after: Trace, site: str) -> int:
    """The place whose state the first block changed most: with small weights, that of what was changed."""
    return int(np.linalg.norm(before.hidden(site) - after.hidden(site), axis=1).argmax())


MIXED = ["llava", "llava_two", "internvl", "internvl_tiles", "smolvlm", "paligemma", "gemma3", "pixtral",
         "mistral3", "aya", "git", "llava_next", "onevision", "deepseek_vl", "janus", "ovis2",
         "perception_lm", "llama4"]  # fmt: skip


@pytest.mark.parametrize("name", [*MIXED, "clipseg", "videomae", "yolos", "vit_gpt2", "mllama"])
def test_what_is_changed_in_a_picture_moves_the_token_that_the_layout_names(name: str) -> None:
    model, inputs = _made(name)
    before = capture(model, inputs)
    kinds = ["image", "joint"] if name in MIXED else ["image"]
    for kind in kinds:
        site = next(site for site in before.sites if site.query.stream == kind)
        layout = site.query
        assert layout.grid is not None
        grids = [PatchGrid("", layout.grid, tuple(map(int, layout.patches))), *layout.more]
        pieces = range(len(grids))
        if name in ("llava_next", "onevision"):
            pieces, grids = range(1), grids[:1]  # the tiles put together are looked at by themselves
        for piece, grid in zip(pieces, grids, strict=True):
            for cell in ((0, 1), (grid.grid[0] - 1, 0)):
                frame = piece * 2 if name == "videomae" else piece  # two frames make one patch
                pixel = _changed(inputs["pixel_values"], frame, grid.grid, cell)
                after = capture(model, inputs | {"pixel_values": pixel})
                assert _moved(before, after, site.name) == grid.places[cell[0] * grid.grid[1] + cell[1]]


@pytest.mark.parametrize("name", ["llava_next", "onevision"])
def test_tiles_put_together_lie_where_the_layout_says(name: str) -> None:
    """Two tiles of 4 x 4 side by side: 4 x 8, a mark at each row's end."""
    model, inputs = _made(name)
    before = capture(model, inputs)
    layout = before.attention("joint.0").query
    together = layout.more[0]
    assert together.grid == (4, 8) and len(layout.pictured) == 36
    for tile, cell in ((1, (2, 3)), (2, (3, 1))):
        after = capture(
            model, inputs | {"pixel_values": _changed(inputs["pixel_values"], tile, (4, 4), cell)}
        )
        place = together.places[cell[0] * 8 + (tile - 1) * 4 + cell[1]]
        assert _moved(before, after, "joint.0") == place
        assert layout.names[place] == f"tiles together, row {cell[0]}, column {(tile - 1) * 4 + cell[1]}"


@pytest.mark.parametrize(("make", "size"), [(qwen2vl, (32, 48)), (qwen25vl, (48, 64))])
def test_packed_patches_lie_where_the_processor_put_them(make: Any, size: tuple[int, int]) -> None:
    """The oracle: the family's own processor, given a picture in which one patch is another."""
    torch.manual_seed(3)
    model = make()[0].eval()
    processor = hf.Qwen2VLImageProcessor(patch_size=8, merge_size=2, temporal_patch_size=2, do_resize=False)
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)

    def given(array: np.ndarray) -> dict[str, torch.Tensor]:
        made = processor(images=[array], return_tensors="pt")
        grid = made["image_grid_thw"].tolist()[0]
        inputs = packed([5, 97, *[99] * (grid[1] * grid[2] // 4), 96, 7, 8], grid)
        return inputs | {"pixel_values": made["pixel_values"], "image_grid_thw": made["image_grid_thw"]}

    before = capture(model, given(picture))
    rows, columns = size[0] // 8, size[1] // 8
    whole = [
        site for site in before.sites if site.query.side == "image" and site.query.count == rows * columns
    ]
    tower = whole[0]  # Qwen2.5-VL's first layer attends within windows
    assert tower.query.grid == (rows, columns)
    assert sorted(tower.query.patches.tolist()) == list(range(rows * columns))
    assert before.attention("joint.0").query.grid == (rows // 2, columns // 2)
    for row, column in ((0, 1), (2, 1), (rows - 1, columns - 2)):
        other = picture.copy()
        other[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] ^= 255
        after = capture(model, given(other))
        assert _moved(before, after, tower.name) == tower.query.place_of((row, column))
        joint = before.attention("joint.0").query
        assert _moved(before, after, "joint.0") == joint.place_of((row // 2, column // 2))


def test_windows_stand_in_the_order_of_the_library() -> None:
    from transformers.vision_utils import get_vision_window_index

    from workbench.attention.patch_grids import block_order

    model = qwen25vl()[0]
    for rows, columns in ((6, 8), (4, 4), (8, 10), (2, 6)):
        grid = torch.tensor([[1, rows, columns]])
        order, _ = get_vision_window_index(grid, spatial_merge_size=2, window_size=32, patch_size=8)
        standing = torch.as_tensor(order).repeat_interleave(4) * 4 + torch.arange(4).repeat(len(order))
        # Which patch of the picture the processor puts at each place of a row of blocks:
        blocks = (
            np.arange(rows * columns).reshape(rows // 2, 2, columns // 2, 2).transpose(0, 2, 1, 3).ravel()
        )
        expected = np.empty(rows * columns, int)
        expected[blocks[standing.numpy()]] = np.arange(rows * columns)
        np.testing.assert_array_equal(block_order((rows, columns), model), expected)
    assert SEES["spatial_merge_size"] == 2


def test_two_pictures_of_a_packed_prompt_are_two_grids_and_two_maps_a_layer() -> None:
    model, inputs = _made("qwen2vl_two")
    trace = capture(model, inputs)
    assert [site.query.grid for site in trace.group("image")] == [(4, 6), (2, 4)] * 2
    assert [(site.layer, site.part) for site in trace.group("image")] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    layout = trace.attention("joint.0").query
    assert layout.grid == (2, 3) and [one.grid for one in layout.more] == [(1, 2)]
    assert layout.more[0].places == (11, 12) and layout.names[12] == "picture 2, row 0, column 1"


@pytest.mark.parametrize("name", ["blip2_t5", "idefics2", "kosmos2", "florence2"])
def test_a_picture_without_a_grid_is_said_to_have_none(name: str) -> None:
    trace = capture(*_made(name))
    layout = next(site.query for site in trace.sites if site.query.side == "joint")
    assert layout.grid is None and layout.pictured
    assert sum(f"as {len(layout.pictured)} tokens without a grid" in note for note in trace.notes) == 1


def test_a_resamplers_own_queries_stand_behind_the_patches() -> None:
    key = next(site for site in capture(*_made("idefics2")).sites if site.kind == "cross").key
    assert (key.count, key.grid, key.first_patch) == (20, (4, 4), 0)


def test_object_queries_are_no_words_and_no_patches() -> None:
    trace = capture(*_made("detr"))
    layout = trace.attention("image.0.cross").query
    assert layout.names[:2] == ("query 0", "query 1") and set(layout.kinds) == {"special"}
    assert trace.attention("image.decoder.layers.0").query == layout


def test_a_decoder_that_is_as_long_as_its_encoder_is_told_apart_from_it() -> None:
    kinds = [(site.kind, site.query.role, site.key.role) for site in capture(*_made("bart_equal")).sites]
    assert kinds == [("self", "", "")] * 2 + [("self", "decoder", "decoder"), ("cross", "decoder", "")] * 2


def test_words_given_for_the_text_alone_stand_beside_the_picture() -> None:
    model, inputs = _made("internvl")
    names = capture(model, inputs, words=["<s>", "a", "red", "cat"]).attention("joint.0").query.names
    assert names == ("<s>", *(f"row {r}, column {c}" for r in (0, 1) for c in (0, 1)), "a", "red", "cat")


def test_a_class_that_reads_pixels_of_another_size_is_passed_its_options() -> None:
    torch.manual_seed(3)
    model = hf.ViTModel(hf.ViTConfig(image_size=32, patch_size=8, hidden_size=32, num_hidden_layers=1,
                                     num_attention_heads=4, intermediate_size=64)).eval()  # fmt: skip
    trace = capture(model, pixels(64, 48) | {"interpolate_pos_encoding": True})
    assert trace.attention("image.0").query.grid == (8, 6)
