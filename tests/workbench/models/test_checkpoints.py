"""Weights as their trainers and publishers write them: read whole, run nowhere, and what was changed is said."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from workbench import models
from workbench.errors import BadInputError, BadWeightsError
from workbench.models.tensors import read_checkpoint
from workbench.models.torchscript import is_torchscript, read_torchscript
from workbench.runtime import seeded

Make = Callable[..., Path]
TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> open_clip.CLIP:
    """A CLIP of an architecture that open_clip knows as "tiny" while the test runs."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", TINY)
    with seeded(2):
        model = open_clip.CLIP(**TINY)
        for parameter in model.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


def _texts(model: torch.nn.Module, texts: list[str], length: int = 77) -> np.ndarray:
    with torch.no_grad():
        words = open_clip.SimpleTokenizer(context_length=length)(texts)
        return model.encode_text(words, normalize=True).numpy()


def _same(name: str, model: torch.nn.Module, **options: object) -> models.DualEncoder:
    loaded = models.load(name, **options)
    np.testing.assert_allclose(loaded.encode_texts(["a cat"]), _texts(model, ["a cat"]), atol=1e-6)
    return loaded


# Trainers -----------------------------------------------------------------------------------------


def test_a_trainers_checkpoint_is_read_with_its_numpy_numbers(tiny: open_clip.CLIP, tmp_path: Path) -> None:
    optimizer = torch.optim.AdamW(tiny.parameters())
    for group in optimizer.param_groups:
        group["lr"] = np.float64(0.5) * (1 + np.cos(np.pi * 0.3))  # open_clip_train's cosine schedule
    kept = {
        "epoch": np.int64(3),
        "best": np.float32(0.25),
        "args": argparse.Namespace(lr=1e-3),
        "state_dict": {f"module.{name}": value for name, value in tiny.state_dict().items()},
        "optimizer": optimizer.state_dict(),
    }
    torch.save(kept, tmp_path / "epoch_3.pt")
    with pytest.raises(pickle.UnpicklingError, match="numpy"):
        torch.load(tmp_path / "epoch_3.pt", weights_only=True)
    loaded = _same(f"open_clip:tiny/{tmp_path / 'epoch_3.pt'}", tiny)
    assert any(
        "'module.' was taken off the names of the tensors in epoch_3.pt" in note for note in loaded.notes
    )
    with pytest.raises(pickle.UnpicklingError, match="numpy"):  # what we allowed ourselves is allowed to none
        torch.load(tmp_path / "epoch_3.pt", weights_only=True)


@pytest.mark.parametrize("old", [True, False], ids=["numpy.core", "numpy._core"])
def test_numpy_numbers_are_read_from_before_and_after_numpy_moved_them(old: bool, tmp_path: Path) -> None:
    torch.save({"lr": np.float64(0.5), "state_dict": {"w": torch.ones(2)}}, tmp_path / "new.pt")
    if old:
        with (
            zipfile.ZipFile(tmp_path / "new.pt") as new,
            zipfile.ZipFile(tmp_path / "old.pt", "w") as written,
        ):
            for info in new.infolist():
                written.writestr(info, new.read(info).replace(b"numpy._core.multi", b"numpy.core.multi"))
    assert set(read_checkpoint([tmp_path / ("old.pt" if old else "new.pt")]).tensors) == {"w"}


@pytest.mark.parametrize(
    ("wrapped", "said"),
    [
        (lambda name: f"module.{name}", "'module.'"),
        (lambda name: f"_orig_mod.{name}", "'_orig_mod.'"),
        (lambda name: f"module._orig_mod.{name}", "'_orig_mod.' and 'module.'"),
        (lambda name: name.replace("visual.", "visual._orig_mod."), "'_orig_mod.'"),
        (lambda name: f"model.clip.{name}", "'model.clip.'"),
    ],
    ids=["ddp", "compile", "both", "a part compiled", "lightning"],
)
def test_what_was_wrapped_around_a_model_is_taken_off(
    tiny: open_clip.CLIP, tmp_path: Path, wrapped: Callable[[str], str], said: str
) -> None:
    state = {wrapped(name): value for name, value in tiny.state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    loaded = _same(f"open_clip:tiny/{tmp_path / 'w.safetensors'}", tiny)
    assert any(f"{said} was taken off" in note for note in loaded.notes)


def test_several_models_in_one_file_are_refused_by_name(tiny: open_clip.CLIP, tmp_path: Path) -> None:
    state = {
        f"{who}.{name}": value for who in ("student", "teacher") for name, value in tiny.state_dict().items()
    }
    save_file({name: value.clone() for name, value in state.items()}, tmp_path / "two.safetensors")
    with pytest.raises(BadWeightsError, match=r"holds several models \('student\.', 'teacher\.'\)"):
        models.load(f"open_clip:tiny/{tmp_path / 'two.safetensors'}")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_a_transformers_folder_with_wrapped_names_is_read_and_nothing_is_printed(
    hf_folder: Make, tmp_path: Path, prefix: str, texts: list[str], capfd: pytest.CaptureFixture
) -> None:
    folder = Path(shutil.copytree(hf_folder("clip"), tmp_path / "copy"))
    state = load_file(folder / "model.safetensors")
    save_file({prefix + k: v for k, v in state.items()}, folder / "model.safetensors", {"format": "pt"})
    capfd.readouterr()
    loaded = models.load(str(folder))
    assert capfd.readouterr() == ("", "")
    plain = models.load(str(hf_folder("clip")))
    np.testing.assert_array_equal(loaded.encode_texts(texts), plain.encode_texts(texts))
    assert any("was taken off the names of the tensors in model.safetensors" in note for note in loaded.notes)


# Files under other names --------------------------------------------------------------------------


@pytest.mark.parametrize("shards", [False, True], ids=["one file", "parts"])
def test_a_half_precision_variant_is_found(
    hf_folder: Make, tmp_path: Path, texts: list[str], shards: bool
) -> None:
    import transformers as hf

    folder = Path(shutil.copytree(hf_folder("clip"), tmp_path / "copy"))
    model = hf.CLIPModel.from_pretrained(folder).half()
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, variant="fp16", **({"max_shard_size": "40KB"} if shards else {}))
    assert len(list(folder.glob("model.fp16*.safetensors"))) == (3 if shards else 1) or shards
    loaded = models.load(str(folder))
    plain = models.load(str(hf_folder("clip")))
    np.testing.assert_allclose(loaded.encode_texts(texts), plain.encode_texts(texts), atol=2e-3)
    assert loaded.precision == "float32" and any("model.fp16" in note for note in loaded.notes)
    if shards:
        next(iter(sorted(folder.glob("model.fp16-*.safetensors"))[1:])).unlink()
        with pytest.raises(BadWeightsError, match=r"holds \d+ of the \d+ parts of model\.fp16\.safetensors"):
            models.load(str(folder))


# TorchScript --------------------------------------------------------------------------------------


def _openai(model: open_clip.CLIP, path: Path, *, half: bool = False) -> None:
    """A file in the form of OpenAI's own: a traced module, with settings among its tensors."""
    model.register_buffer("input_resolution", torch.tensor(32))
    example = (torch.randn(1, 3, 32, 32), torch.zeros(1, 77, dtype=torch.long))
    traced = torch.jit.trace(model, example, check_trace=False)
    torch.jit.save(traced.half() if half else traced, path)


@pytest.mark.filterwarnings("ignore")
def test_openais_torchscript_gives_the_tensors_that_torch_reads(tiny: open_clip.CLIP, tmp_path: Path) -> None:
    path = tmp_path / "ViT-B-32.pt"
    _openai(tiny, path, half=True)
    assert is_torchscript(path)
    wanted, found = torch.jit.load(path).state_dict(), read_torchscript(path)
    assert set(found.tensors) == set(wanted) and not found.quick_gelu
    assert all(torch.equal(found.tensors[name], value) for name, value in wanted.items())
    assert {value.dtype for value in found.tensors.values()} >= {torch.float16}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("quick", [True, False])
def test_openais_torchscript_loads_with_the_activation_of_its_program(
    tiny: open_clip.CLIP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: bool
) -> None:
    with seeded(2):
        model = open_clip.CLIP(**TINY, quick_gelu=quick).eval()
    model.load_state_dict(tiny.state_dict())
    _openai(model, tmp_path / "clip.pt")

    def run(*_: object, **__: object) -> None:
        raise AssertionError("the program was opened")

    monkeypatch.setattr(torch.jit, "load", run)
    loaded = _same(f"open_clip:tiny/{tmp_path / 'clip.pt'}", model)
    assert any("its tensors were read, its program was not run" in note for note in loaded.notes)
    assert any("QuickGELU" in note for note in loaded.notes) == quick


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_of_something_else_says_what_it_is(tiny: open_clip.CLIP, tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "a.pt")
    with pytest.raises(BadWeightsError, match="of a TorchScript archive, as OpenAI publishes its CLIPs"):
        models.load(f"open_clip:tiny/{tmp_path / 'a.pt'}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("damage", ["call", "short", "packed", "table"])
def test_a_hostile_torchscript_is_refused_and_nothing_runs(tmp_path: Path, damage: str) -> None:
    trace = tmp_path / "it ran"

    class Bomb:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(trace),)

    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as old, zipfile.ZipFile(tmp_path / "b.pt", "w") as new:
        for info in old.infolist():
            content, is_table = old.read(info), info.filename.endswith("data.pkl")
            if damage == "call" and is_table:
                content = pickle.dumps(Bomb(), protocol=2)
            elif damage == "short" and info.filename.endswith("data/0"):
                content = content[:-4]
            elif damage == "table" and is_table:
                content = content[: len(content) // 2]
            packed = damage == "packed" and info.filename.endswith("data/0")
            new.writestr(info, content, zipfile.ZIP_DEFLATED if packed else info.compress_type)
    expected = {
        "call": r"wants to call '\w+\.mkdir'",
        "short": "another length than its",
        "packed": "is packed, which TorchScript never does",
        "table": "cannot be read",
    }[damage]
    with pytest.raises(BadWeightsError, match=expected):
        read_torchscript(tmp_path / "b.pt")
    assert not trace.exists()


# Losses, sizes, activations -----------------------------------------------------------------------


def test_a_clip_trained_with_the_sigmoid_loss_scores_by_yes_or_no(
    tiny: open_clip.CLIP, tmp_path: Path
) -> None:
    save_file({**tiny.state_dict(), "logit_bias": torch.tensor(-7.5)}, tmp_path / "s.safetensors")
    loaded = _same(f"open_clip:tiny/{tmp_path / 's.safetensors'}", tiny)
    assert (loaded.rule, loaded.bias) == ("sigmoid", -7.5)
    assert any("trained with the sigmoid loss" in note for note in loaded.notes)


def test_a_transformers_clip_trained_with_the_sigmoid_loss_does_too(hf_folder: Make, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(hf_folder("clip"), tmp_path / "copy"))
    state = load_file(folder / "model.safetensors")
    save_file(state | {"logit_bias": torch.tensor([-7.5])}, folder / "model.safetensors", {"format": "pt"})
    loaded = models.load(str(folder))
    assert (loaded.rule, loaded.bias) == ("sigmoid", -7.5)
    assert models.load(str(hf_folder("clip"))).rule == "softmax"


def test_a_siglip_architecture_with_weights_of_a_softmax_is_a_softmax(clip_folder: Make) -> None:
    folder = clip_folder(init_logit_bias=-10)
    file = folder / "open_clip_model.safetensors"
    assert models.load(str(folder)).rule == "sigmoid"
    state = load_file(file)
    del state["logit_bias"]
    save_file(state, file)
    loaded = models.load(str(folder))
    assert (loaded.rule, loaded.bias) == ("softmax", 0.0)
    assert any("have no logit_bias" in note for note in loaded.notes)


def test_another_size_and_length_are_resampled_with_a_note_or_built_as_trained(
    tiny: open_clip.CLIP, tmp_path: Path, pictures: list
) -> None:
    larger = json.loads(json.dumps(TINY))
    larger["vision_cfg"]["image_size"], larger["text_cfg"]["context_length"] = 48, 100
    with seeded(4):
        trained = open_clip.CLIP(**larger).eval()
    save_file(trained.state_dict(), tmp_path / "w.safetensors")
    name = f"open_clip:tiny/{tmp_path / 'w.safetensors'}"
    small = models.load(name)
    assert small.card.image_size == (32, 32) and small.card.text_length == 77
    assert any("trained on 6 x 6 patches and reads 4 x 4 here" in note for note in small.notes)
    assert any("trained on 100 positions and has 77 here" in note for note in small.notes)
    whole = models.load(name, image_size=48, context_length=100)
    assert whole is not small and not any("resampled" in note for note in whole.notes)
    assert whole.card.image_size == (48, 48) and whole.card.text_length == 100
    long = "a cat " * 45
    np.testing.assert_allclose(whole.encode_texts([long]), _texts(trained, [long], 100), atol=1e-6)
    assert whole.tokens(long).truncated is False and small.tokens(long).truncated
    pixels = whole.pixels(pictures)["pixel_values"]
    assert pixels.shape[-2:] == (48, 48)
    with torch.no_grad():
        wanted = trained.encode_image(pixels, normalize=True).numpy()
    np.testing.assert_allclose(whole.encode_images(pictures), wanted, atol=1e-6)


def test_quick_gelu_is_built_when_it_is_asked_for(tiny: open_clip.CLIP, tmp_path: Path) -> None:
    save_file(tiny.state_dict(), tmp_path / "w.safetensors")
    name = f"open_clip:tiny/{tmp_path / 'w.safetensors'}"
    quick = open_clip.CLIP(**TINY, quick_gelu=True).eval()
    quick.load_state_dict(tiny.state_dict())
    loaded = _same(name, quick, force_quick_gelu=True)
    assert np.abs(loaded.encode_texts(["a cat"]) - models.load(name).encode_texts(["a cat"])).max() > 1e-4
    assert loaded.weights_hash != models.load(name).weights_hash


def test_a_file_of_an_architecture_whose_tags_disagree_on_the_activation_says_so() -> None:
    from workbench.models.adapters.open_clip_weights import unsure_activation
    from workbench.models.options import Options

    (note,) = unsure_activation("ViT-B-32", Path("w.safetensors"), Options())
    assert "force_quick_gelu=True" in note and "openai" in note
    assert unsure_activation("ViT-B-32", Path("w.safetensors"), Options(force_quick_gelu=False)) == ()
    assert unsure_activation("ViT-B-32-quickgelu", Path("w.safetensors"), Options()) == ()


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_a_transformers_model_is_built_at_another_size_by_its_own_interpolation(
    hf_folder: Make, pictures: list, family: str
) -> None:
    loaded = models.load(str(hf_folder(family)), image_size=48)
    assert loaded.card.image_size == (48, 48)
    assert any("trained on 4 x 4 patches and reads 6 x 6 here" in note for note in loaded.notes)
    plain = models.load(str(hf_folder(family)))
    pixels = loaded.pixels(pictures)
    assert pixels["pixel_values"].shape[-2:] == (48, 48)
    with torch.no_grad():
        output = plain.model.get_image_features(**pixels, interpolate_pos_encoding=True).pooler_output
    wanted = torch.nn.functional.normalize(output, dim=-1).numpy()
    cosine = (loaded.encode_images(pictures) * wanted).sum(axis=1)
    assert cosine.min() > 0.999, (
        "the library interpolates without antialiasing; growing, the two hardly differ"
    )
    asked = models.load(str(hf_folder(family)), context_length=32)
    assert asked.card.text_length == 32 and any("trained on 64 positions" in note for note in asked.notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"image_size": 0}, "image_size=0 was given; expected a whole number above 0"),
        ({"context_length": "77"}, "context_length is '77'; expected a whole number"),
        ({"force_quick_gelu": "yes"}, "force_quick_gelu is 'yes'; expected True or False"),
    ],
)
def test_an_option_that_is_none_is_refused(hf_folder: Make, options: dict, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        models.load(str(hf_folder("clip")), **options)


def test_an_option_that_a_family_does_not_have_is_refused(hf_folder: Make) -> None:
    with pytest.raises(BadInputError, match="a model of type 'align' cannot be built otherwise"):
        models.load(str(hf_folder("align")), image_size=48)
    with pytest.raises(BadInputError, match="image_size was given for photo-lite"):
        models.load("photo-lite", image_size=48)
