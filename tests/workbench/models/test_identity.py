"""What a vector belongs to: the file that was really loaded, what lies on it, and what was done to it since."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file
from torch import nn

from workbench import data, models
from workbench.embedding import embed, embed_pairs, embed_to, forget, open_corpus
from workbench.errors import BadInputError, UnavailableError
from workbench.models import loading, locating, weights
from workbench.models.names import parse
from workbench.models.options import AS_IT_SAYS
from workbench.projection.stopping import StoppedModel

FIRST = "vision_model.encoder.layers.0.mlp.fc1.weight"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    models.unload()
    forget()


@pytest.fixture
def folder(hf_folder, tmp_path) -> Path:
    """A folder of its own, to be written to."""
    return Path(shutil.copytree(hf_folder("clip"), tmp_path / "model"))


@pytest.fixture
def pairs(pictures) -> data.Pairs:
    return data.from_pictures(pictures, texts=["a cat", "two small red birds", "Pizza"])


def _own(model: Any, pairs: data.Pairs) -> tuple[np.ndarray, np.ndarray]:
    """What the model itself says, past every cache."""
    return model.encode_images([pairs.picture(i) for i in range(len(pairs))]), model.encode_texts(pairs.texts)


def _assert_own(model: Any, pairs: data.Pairs) -> None:
    found, (image, text) = embed(model, pairs), _own(model, pairs)
    np.testing.assert_allclose(found.image, image, atol=2e-6)
    np.testing.assert_allclose(found.text, text, atol=2e-6)


def _adapter(base: Path, to: Path, *, seed: int) -> None:
    """A trained-looking adapter for the model in `base`, written where `to` is."""
    torch.manual_seed(seed)
    model = hf.AutoModel.from_pretrained(base)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    peft.get_peft_model(model, config).save_pretrained(to / "saved")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        os.replace(to / "saved" / name, to / name)


def test_an_adapter_beside_the_weights_is_part_of_the_model(folder, hf_folder, pairs) -> None:
    base = models.load(str(hf_folder("clip")))
    embed(base, pairs)
    _adapter(folder, folder, seed=1)
    adapted = models.load(str(folder))
    assert adapted.weights_hash != base.weights_hash and any("adapter" in note for note in adapted.notes)
    assert np.abs(adapted.encode_texts(pairs.texts) - base.encode_texts(pairs.texts)).max() > 0.01
    _assert_own(adapted, pairs)
    (folder / "adapter_config.json").unlink()
    shutil.rmtree(folder / "saved")
    (folder / "adapter_model.safetensors").unlink()
    _adapter(folder, folder, seed=2)
    again = models.load(str(folder))
    assert again is not adapted and again.weights_hash != adapted.weights_hash
    _assert_own(again, pairs)


def test_an_adapter_that_cannot_be_applied_is_refused(folder, monkeypatch) -> None:
    _adapter(folder, folder, seed=1)
    monkeypatch.setattr(weights, "find_spec", lambda _: None)
    with pytest.raises(
        UnavailableError, match=r"holds an adapter .* peft, which applies it, is not installed"
    ):
        models.load(str(folder))


def test_an_adapter_put_on_a_loaded_model_is_seen_switched_on_and_off(folder, pairs) -> None:
    model = models.load(str(folder))
    plain = model.weights_hash
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    lora = peft.get_peft_model(model.model, config)
    on = model.weights_hash
    assert on != plain
    _assert_own(model, pairs)
    with lora.disable_adapter():
        assert model.weights_hash not in (on, plain)
        _assert_own(model, pairs)
    assert model.weights_hash == on
    lora.merge_adapter()
    assert model.weights_hash != on
    _assert_own(model, pairs)


def test_the_weights_that_are_hashed_are_those_that_were_loaded(folder, tmp_path) -> None:
    # Folders of two libraries: transformers reads model.safetensors, whatever else lies beside it.
    first = load_file(folder / "model.safetensors")
    save_file(first, folder / "open_clip_model.safetensors")
    other = shutil.copytree(folder, tmp_path / "other")
    save_file(
        {name: value + 0.01 for name, value in first.items()}, other / "model.safetensors", {"format": "pt"}
    )
    assert models.load(str(folder)).weights_hash != models.load(str(other)).weights_hash


def test_a_checkpoint_copied_over_a_loaded_one_leaves_it_as_it_is(folder, pairs) -> None:
    model = models.load(str(folder))
    before, key = _own(model, pairs), model.weights_hash
    file = folder / "model.safetensors"
    with file.open("r+b") as inside:  # what `cp` does: the same file, other content
        inside.seek(file.stat().st_size // 2)
        inside.write(np.random.default_rng(0).bytes(file.stat().st_size // 2))
    np.testing.assert_array_equal(_own(model, pairs)[0], before[0])
    np.testing.assert_array_equal(_own(model, pairs)[1], before[1])
    assert model.weights_hash == key


def _mapped(file: Path) -> bool:
    maps = Path("/proc/self/maps")
    return maps.is_file() and str(file.resolve()) in maps.read_text()


def test_no_loaded_model_stays_mapped_to_its_file(folder, pairs, tmp_path) -> None:
    model = models.load(str(folder))
    assert not _mapped(folder / "model.safetensors")  # a shorter file in its place would end the process
    text = tmp_path / "text"
    hf.AutoModel.from_pretrained(folder).text_model.save_pretrained(text)
    del model
    loaded = hf.AutoModel.from_pretrained(text)
    assert _mapped(text / "model.safetensors")  # what transformers leaves
    weights.in_memory(loaded)
    assert not _mapped(text / "model.safetensors")


def test_tensors_that_share_memory_go_on_sharing_it() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    net.register_buffer("view", net[0].bias.data)
    weights.in_memory(net)
    assert net[1].weight is net[0].weight
    assert net.view.data_ptr() == net[0].bias.data_ptr()


def test_a_copy_that_keeps_time_and_size_is_another_file(folder) -> None:
    first = models.load(str(folder))
    file = folder / "model.safetensors"
    was = file.stat()
    state = load_file(file)
    state[FIRST] = -state[FIRST]
    save_file(state, file, {"format": "pt"})
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert file.stat().st_size == was.st_size and file.stat().st_mtime_ns == was.st_mtime_ns
    second = models.load(str(folder))
    assert second is not first and second.weights_hash != first.weights_hash


def test_files_that_change_while_they_are_read_are_refused(folder, monkeypatch) -> None:
    probe = loading.probe

    def written_meanwhile(model: Any) -> Any:
        os.utime(folder / "model.safetensors")
        return probe(model)

    monkeypatch.setattr(loading, "probe", written_meanwhile)
    with pytest.raises(UnavailableError, match="changed while they were read"):
        models.load(str(folder))


def test_a_tower_that_is_trained_on_makes_another_joined_model(tmp_path) -> None:
    config = {"image": {"weights": "towers"}, "text": {"weights": "package:minilm/x"}, "head": {}}
    (tmp_path / "towers").mkdir()
    (tmp_path / "towers" / "model.safetensors").write_bytes(b"1")
    (tmp_path / "joined_config.json").write_text(str(config).replace("'", '"'), "utf-8")
    found = locating.locate(parse(str(tmp_path)), AS_IT_SAYS, locating.Listen())[0]
    assert tmp_path / "towers" / "model.safetensors" in found


def test_in_train_mode_a_model_gives_what_it_gives_in_eval_mode(hf_folder, tmp_path, pairs) -> None:
    folder = Path(shutil.copytree(hf_folder("clip"), tmp_path / "dropped"))
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"attention_dropout": 0.0', '"attention_dropout": 0.4'))
    assert '"attention_dropout": 0.4' in config.read_text()
    model = models.load(str(folder))
    image, text = _own(model, pairs)
    model.model.train()
    np.testing.assert_array_equal(_own(model, pairs)[0], image)
    np.testing.assert_array_equal(_own(model, pairs)[1], text)
    np.testing.assert_array_equal(embed(model, pairs).text, text)
    assert all(part.training for part in model.model.modules())  # it is left as its user has set it


def _step(model: nn.Module) -> None:
    optimizer = torch.optim.AdamW(model.requires_grad_(True).parameters(), lr=0.01)
    sum(part.square().sum() for part in model.parameters()).backward()
    optimizer.step()
    model.requires_grad_(False)


def _by_numpy(model: nn.Module) -> None:
    model.visual_projection.weight.numpy()[:] *= -1


def _one_word(model: nn.Module) -> None:
    """As textual inversion does: the row of one token."""
    table = model.text_model.embeddings.token_embedding.weight
    table.data[model.config.text_config.bos_token_id] *= -3


def _no_gelu(model: nn.Module) -> None:
    model.vision_model.encoder.layers[0].mlp.activation_fn = nn.ReLU()


def _other_scale(model: nn.Module) -> None:
    model.vision_model.encoder.layers[0].self_attn.scale *= 3


def _loaded_over(model: nn.Module) -> None:
    model.load_state_dict(
        {name: value + 0.01 for name, value in model.state_dict().items() if value.is_floating_point()},
        strict=False,
    )


CHANGES: dict[str, Callable[[Any], None]] = {
    "a step of training": _step,
    "written through .data": lambda model: model.text_projection.weight.data.mul_(-1),
    "written through NumPy": _by_numpy,
    "another tensor": lambda model: setattr(model.text_projection.weight, "data", -model.text_projection.weight),
    "the row of a word": _one_word,
    "one bias": lambda model: model.vision_model.pre_layrnorm.bias.data[3].add_(1.0),
    "another activation": _no_gelu,
    "another setting": _other_scale,
    "a state dict": _loaded_over,
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_model_that_is_changed_in_place_gets_vectors_of_its_own(folder, pairs, change) -> None:
    model = models.load(str(folder))
    first = embed(model, pairs)
    short, before = StoppedModel(model, (1, 1)), StoppedModel(model, (1, 1)).weights_hash
    CHANGES[change](model.model)
    second = embed(model, pairs)
    assert second.provenance.weights != first.provenance.weights
    assert short.weights_hash != before
    _assert_own(model, pairs)
    assert np.abs(second.image - first.image).max() + np.abs(second.text - first.text).max() > 1e-4
    # The same change made in another kernel is the same model.
    models.unload()
    again = models.load(str(folder))
    assert again is not model and again.weights_hash == first.provenance.weights
    CHANGES[change](again.model)
    assert again.weights_hash == second.provenance.weights


def test_a_model_that_nobody_changed_stays_what_it_was_whatever_was_asked_of_it(folder, pairs) -> None:
    from workbench.attribution import attribute
    from workbench.capture import capture

    model = models.load(str(folder))
    key = model.weights_hash
    capture(model, pairs[0])
    attribute(model, pairs[0], method=["relevance", "legrad", "grad-cam", "integrated-gradients"], steps=2)
    model.model(**model.words(["a"]), **model.pixels([pairs.picture(0)]), output_hidden_states=True)
    assert model.weights_hash == key and model.keepable


def test_what_changes_while_it_is_embedded_is_not_kept(folder, pairs) -> None:
    model = models.load(str(folder))
    encode = model.encode_texts

    def trained_meanwhile(texts: Any) -> Any:
        found = encode(texts)
        model.model.text_projection.weight.data.mul_(-1)
        return found

    model.encode_texts = trained_meanwhile
    found = embed(model, pairs)
    del model.encode_texts
    assert any("was changed while it embedded" in note for note in found.provenance.notes)
    model.model.text_projection.weight.data.mul_(-1)
    _assert_own(model, pairs)
    model.model.text_projection.weight.data.mul_(-1)
    _assert_own(model, pairs)


def test_a_corpus_takes_nothing_of_a_changed_model_nor_of_one_with_hooks(folder, pairs, tmp_path) -> None:
    model = models.load(str(folder))
    corpus = embed_to(tmp_path / "corpus", model, pairs, partition=2)
    corpus.path(1).unlink()
    handle = model.image_tower.register_forward_hook(lambda *_: None)
    with pytest.raises(BadInputError, match="Hooks of others stand on"):
        embed_to(tmp_path / "corpus", model, pairs, partition=2)
    handle.remove()
    encode = model.encode_texts

    def trained_meanwhile(texts: Any) -> Any:
        model.model.text_projection.weight.data.mul_(-1)
        return encode(texts)

    model.encode_texts = trained_meanwhile
    with pytest.raises(BadInputError, match=r"was changed since .* was begun"):
        embed_to(tmp_path / "corpus", model, pairs, partition=2)
    assert open_corpus(tmp_path / "corpus").done == (0,)


def test_autocast_around_a_call_changes_no_vector(folder, pairs) -> None:
    model = models.load(str(folder))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = embed(model, pairs)
    np.testing.assert_array_equal(found.image, _own(model, pairs)[0])
    np.testing.assert_array_equal(found.text, _own(model, pairs)[1])


def test_another_preprocessing_and_another_tokeniser_are_read_anew(folder, pairs) -> None:
    model = models.load(str(folder))
    first, looks, words = embed(model, pairs), model.preprocessing_hash, model.tokenisation_hash
    model.image_processor.image_mean = [0.1, 0.2, 0.3]
    assert model.preprocessing_hash != looks
    _assert_own(model, pairs)
    assert np.abs(embed(model, pairs).image - first.image).max() > 1e-3
    model.tokeniser.add_tokens(["birds"])
    assert model.tokenisation_hash != words


def test_another_version_of_the_code_that_reads_pictures_reads_them_anew(folder, monkeypatch) -> None:
    from workbench.models.adapters import tower

    model = models.load(str(folder))
    looks, words, key = model.preprocessing_hash, model.tokenisation_hash, model.weights_hash
    other = {**tower.code_versions(), "pillow": "999.0"}
    monkeypatch.setattr(tower, "code_versions", lambda: other)
    assert model.preprocessing_hash != looks and model.tokenisation_hash != words
    assert model.weights_hash == key


def test_vectors_of_coarse_products_are_kept_apart(folder, pairs) -> None:
    model = models.load(str(folder))
    usual = torch.get_float32_matmul_precision()
    exact = embed_pairs._space(model, "text", "")
    try:
        torch.set_float32_matmul_precision("medium")
        assert embed_pairs._space(model, "text", "") != exact
    finally:
        torch.set_float32_matmul_precision(usual)


def test_what_faulty_versions_have_kept_is_not_believed(folder, pairs, monkeypatch) -> None:
    model = models.load(str(folder))
    wrong = np.eye(3, model.feature, dtype=np.float32)
    for name, row in zip(pairs.texts, wrong, strict=True):
        embed_pairs._memory.put(
            f"{model.weights_hash}:{model.precision}:text:{name}", row
        )  # as they named it
    _assert_own(model, pairs)
