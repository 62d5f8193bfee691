"""Folders and objects as people have them: loaded as what they are, or refused in words that help."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from workbench import models
from workbench.embedding import embed
from workbench.errors import BadInputError, BadWeightsError, UnavailableError, UnsupportedError
from workbench.models.folders import look_into
from workbench.zeroshot import classify

Make = Callable[..., Path]


# Folders of two libraries -------------------------------------------------------------------------


def _both(hf_folder: Make, clip_folder: Make, target: Path) -> Path:
    shutil.copytree(hf_folder("clip"), target)
    shutil.copytree(clip_folder(), target, dirs_exist_ok=True)
    return target


def test_of_two_libraries_each_reads_its_own_weights(
    hf_folder: Make, clip_folder: Make, tmp_path: Path, texts: list[str]
) -> None:
    both = _both(hf_folder, clip_folder, tmp_path / "both")
    theirs, ours = models.load(str(both)), models.load(f"local-dir:{both}")
    assert (theirs.card.library, ours.card.library) == ("transformers", "open_clip")
    assert any("for two libraries; transformers loaded it" in note for note in theirs.notes)
    wanted = models.load(str(hf_folder("clip")))
    np.testing.assert_array_equal(theirs.encode_texts(texts), wanted.encode_texts(texts))
    assert theirs.weights_hash == wanted.weights_hash, "the hash is of the file that was loaded"


@pytest.mark.parametrize("rename", ["pytorch_model.bin", "model.safetensors"])
def test_weights_decide_where_both_configurations_are_there(
    hf_folder: Make, clip_folder: Make, tmp_path: Path, rename: str
) -> None:
    both = _both(hf_folder, clip_folder, tmp_path / "both")
    (both / "open_clip_model.safetensors").unlink()
    state = load_file(both / "model.safetensors")
    if rename.endswith(".bin"):
        (both / "model.safetensors").unlink()
        torch.save(state, both / rename)
    assert look_into(both).library == "transformers"
    assert models.load(str(both)).card.library == "transformers"
    with pytest.raises(BadInputError, match="holds no model of open_clip"):
        models.load(f"local-dir:{both}")


def test_a_config_of_timm_beside_open_clips_weights_is_no_model_of_transformers(clip_folder: Make) -> None:
    folder = clip_folder()
    (folder / "config.json").write_text(json.dumps({"architecture": "vit_base_patch16_siglip_224"}))
    (folder / "open_clip_model.safetensors").rename(folder / "model.safetensors")
    assert models.load(str(folder)).card.library == "open_clip"


# sentence-transformers and peft -------------------------------------------------------------------


def _modules(folder: Path, *kinds: str) -> Path:
    rows = [
        {"idx": k, "name": str(k), "path": f"{k}_{kind}", "type": f"sentence_transformers.models.{kind}"}
        for k, kind in enumerate(kinds)
    ]
    folder.mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(rows))
    return folder


def test_a_folder_of_sentence_transformers_is_its_clip(
    hf_folder: Make, tmp_path: Path, texts: list[str], pictures: list
) -> None:
    folder = _modules(tmp_path / "st", "CLIPModel", "Normalize")
    shutil.copytree(hf_folder("clip"), folder / "0_CLIPModel")
    loaded, wanted = models.load(str(folder)), models.load(str(hf_folder("clip")))
    np.testing.assert_array_equal(loaded.encode_texts(texts), wanted.encode_texts(texts))
    np.testing.assert_array_equal(loaded.encode_images(pictures), wanted.encode_images(pictures))
    assert any("its 0_CLIPModel was loaded" in note for note in loaded.notes)


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (("Transformer", "Pooling", "Dense"), "no CLIPModel in it, so no image tower"),
        (("CLIPModel", "Dense"), "Dense behind its CLIPModel"),
    ],
)
def test_a_folder_of_sentence_transformers_that_is_more_or_less_than_a_clip_is_refused(
    tmp_path: Path, kinds: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UnsupportedError, match=said):
        models.load(str(_modules(tmp_path / "st", *kinds)))


def test_a_module_outside_its_folder_is_refused(hf_folder: Make, tmp_path: Path) -> None:
    folder = _modules(tmp_path / "st", "CLIPModel")
    (folder / "modules.json").write_text(
        json.dumps([{"path": str(hf_folder("clip")), "type": "m.CLIPModel"}])
    )
    with pytest.raises(BadWeightsError, match="has no config"):
        models.load(str(folder))
    (folder / "modules.json").write_text("{}")
    with pytest.raises(BadWeightsError, match="is not the list of modules"):
        models.load(str(folder))


def test_a_folder_with_models_inside_names_them(hf_folder: Make, tmp_path: Path) -> None:
    shutil.copytree(hf_folder("clip"), tmp_path / "outer" / "checkpoint-100")
    with pytest.raises(BadWeightsError, match="There is one in checkpoint-100 inside it"):
        models.load(str(tmp_path / "outer"))


def test_what_failed_when_a_model_was_loaded_is_told_in_words_when_it_is_asked_for(
    hf_folder: Make, tmp_path: Path, pictures: list
) -> None:
    folder = Path(shutil.copytree(hf_folder("clip"), tmp_path / "copy"))
    file = folder / "preprocessor_config.json"
    file.write_text(
        json.dumps(json.loads(file.read_text()) | {"image_mean": [0.5, 0.5]})
    )  # of three channels
    model = models.load(str(folder))
    assert model.encode_texts(["a cat"]).shape == (1, model.feature)
    for ask in (model.encode_images, lambda pictures: embed(model, pictures)):
        with pytest.raises(UnsupportedError, match=r"cannot embed images: .*when the model was loaded"):
            ask(pictures)


# Names and objects --------------------------------------------------------------------------------


def test_open_clips_own_names_are_understood(clip_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnavailableError, match="here 'hf:timm/ViT-B-16-SigLIP'"):
        models.load("hf-hub:timm/ViT-B-16-SigLIP")
    folder = clip_folder()
    assert models.load(f"local-dir:{folder}").weights_hash == models.load(str(folder)).weights_hash


@pytest.mark.parametrize("verb", [lambda m, pairs: classify(m, pairs, ["a", "b"]), embed])
def test_a_name_is_loaded_and_an_object_in_place_of_a_model_is_told_how_to_load(
    verb: Callable, hf_folder: Make
) -> None:
    import transformers as hf

    from workbench import data

    pairs = data.load("emoji")[:2]
    assert len(verb("emoji-clip", pairs)) == len(pairs)  # a name is loaded
    with pytest.raises(
        BadInputError, match=r"of class CLIPModel was given.*processor\.save_pretrained\(folder\)"
    ):
        verb(hf.CLIPModel.from_pretrained(hf_folder("clip")), pairs)
    with pytest.raises(BadInputError, match=r"A torch object of class Linear was given"):
        verb(torch.nn.Linear(2, 2), pairs)


# Adapters -----------------------------------------------------------------------------------------


@pytest.fixture
def adapted(hf_folder: Make, tmp_path: Path) -> tuple[Path, object]:
    """A folder with an adapter alone, whose base is another folder, and the model of peft that wrote it."""
    import peft
    import transformers as hf

    base = Path(shutil.copytree(hf_folder("clip"), tmp_path / "base"))
    model = peft.get_peft_model(
        hf.CLIPModel.from_pretrained(base), peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    )
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_B" in name:
                value += 0.1
    model.eval().save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter", model


def test_an_adapter_is_put_on_its_base(adapted: tuple, hf_folder: Make, texts: list[str]) -> None:
    folder, theirs = adapted
    loaded, base = models.load(str(folder)), models.load(str(hf_folder("clip")))
    with torch.no_grad():
        output = theirs.get_text_features(**loaded.words(texts)).pooler_output
    wanted = torch.nn.functional.normalize(output, dim=-1).numpy()
    np.testing.assert_allclose(loaded.encode_texts(texts), wanted, atol=1e-6)
    assert np.abs(base.encode_texts(texts) - wanted).max() > 1e-3
    assert loaded.weights_hash != base.weights_hash
    assert any("The adapter in adapter was put on its base" in note for note in loaded.notes)


def test_an_adapter_whose_base_is_gone_or_another_is_refused(
    adapted: tuple, hf_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = adapted
    said = json.loads((folder / "adapter_config.json").read_text())

    def name(base: str | None) -> None:
        (folder / "adapter_config.json").write_text(json.dumps(said | {"base_model_name_or_path": base}))

    name(None)
    with pytest.raises(BadWeightsError, match="a change of a model and none by itself"):
        models.load(str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    name("org/some-clip")
    with pytest.raises(UnavailableError, match="HF_HUB_OFFLINE"):
        models.load(str(folder))
    name(str(hf_folder("align")))
    with pytest.raises(BadWeightsError, match=r"of another model|do not fit the base of this adapter"):
        models.load(str(folder))
