"""Names, safety, the shelf and the catalogue: everything between a name and a model."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from workbench import models
from workbench.errors import BadInputError, BadWeightsError, UnavailableError, UnknownNameError
from workbench.models import cards, hub
from workbench.models.loading import shelf
from workbench.runtime import free


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of open_clip's form with a vocabulary of its own, quick to load."""
    import open_clip

    folder = tmp_path_factory.mktemp("tiny")
    config = {
        "embed_dim": 8,
        "vision_cfg": {"image_size": 16, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
    }
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    save_file(open_clip.CLIP(**config).state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy of `tiny` that a test may damage."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


@pytest.fixture
def bounded() -> Iterator[None]:
    """The shelf's limit, put back afterwards."""
    yield
    shelf._limit = None


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("emojiclip", "Did you mean 'emoji-clip'"),
        ("open_clip:ViT-B32/openai", "no architecture 'ViT-B32'. Did you mean 'ViT-B-32'"),
        ("open_clip:ViT-B-32/laion2b_s34b_b79", "Did you mean 'laion2b_s34b_b79k'"),
        ("openai/clip-vit-base-patch32", "say 'hf:openai/clip-vit-base-patch32'"),
        ("hf:a/b/c", "expected 'hf:ORG/NAME'"),
        ("./no/such/folder", "no model and no folder './no/such/folder'"),
    ],
)
def test_a_typo_gives_the_nearest_names(name: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        models.load(name)
    assert nearest in str(caught.value)


def test_an_empty_name_is_refused_with_the_forms() -> None:
    with pytest.raises(BadInputError, match=r"A model name was expected, got ''.*'open_clip:ARCH/TAG'"):
        models.load("")


@pytest.mark.parametrize("name", ["open_clip:ViT-B-32/laion2b_s34b_b79k", "hf:openai/clip-vit-base-patch32"])
@pytest.mark.parametrize("switched_off", [True, False])
def test_without_a_network_a_missing_model_says_so_at_once(
    name: str, switched_off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1" if switched_off else "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    asked, slept = [], []
    resolve, sleep = socket.getaddrinfo, time.sleep
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *host, **how: (asked.append(host), resolve(*host, **how))[1]
    )
    monkeypatch.setattr(time, "sleep", lambda seconds: (slept.append(seconds), sleep(seconds))[1])
    with pytest.raises(UnavailableError) as caught:
        models.load(name)
    # At once: the hub is asked once or not at all, and nothing waits to ask it again.
    assert len(asked) == (0 if switched_off else 1) and sum(slept) == 0
    assert f"{name} is not on this machine" in str(caught.value)
    assert ("HF_HUB_OFFLINE is set" if switched_off else "does not answer") in str(caught.value)
    assert "On this machine:" in str(caught.value) and "models.available()" in str(caught.value)


def test_a_model_in_the_hubs_cache_loads_offline(
    hf_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    repository = tmp_path / "hub" / "models--someone--small-clip"
    shutil.copytree(hf_folder("clip"), repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    model = models.load("hf:someone/small-clip")
    assert model.card.source == "on this machine" and model.card.family == "CLIP"
    row = models.card("hf:someone/small-clip")
    assert row.source == "on this machine" and row.size_mb > 0


def test_the_files_of_a_repository_are_chosen_with_care() -> None:
    full = {
        "config.json": 1,
        "tokenizer.json": 1,
        "model.safetensors": 9,
        "pytorch_model.bin": 9,
        "onnx/m.onnx": 9,
    }
    assert set(hub.choose_model_files(full)) == {"config.json", "tokenizer.json", "model.safetensors"}
    assert hub.choose_model_files({"config.json": 1, "model.safetensors": 9}) is None, "no tokeniser"
    assert hub.choose_model_files({"config.json": 1, "tokenizer.json": 1}) is None, "no weights"
    parts = {f"model-0000{i}-of-00003.safetensors": 9 for i in (1, 2)}
    assert hub.choose_model_files({"config.json": 1, "vocab.txt": 1, **parts}) is None, "a part is missing"
    ours = {"open_clip_config.json": 1, "open_clip_model.safetensors": 9, "open_clip_pytorch_model.bin": 9}
    assert set(hub.choose_model_files(ours)) == {"open_clip_config.json", "open_clip_model.safetensors"}


def test_a_truncated_safetensors_file_is_refused_with_its_name(copy: Path) -> None:
    weights = copy / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(BadWeightsError, match=r"open_clip_model\.safetensors is not a complete safetensors"):
        models.load(str(copy))


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(copy: Path, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"

    class Bomb:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(trace),)

    (copy / "open_clip_model.safetensors").unlink()
    with open(copy / "open_clip_pytorch_model.bin", "wb") as file:
        pickle.dump({"state_dict": Bomb()}, file, protocol=2)
    with pytest.raises(BadWeightsError, match=r"open_clip_pytorch_model\.bin"):
        models.load(str(copy))
    torch.save({"state_dict": Bomb()}, copy / "open_clip_pytorch_model.bin")
    with pytest.raises(BadWeightsError, match=r"is refused: its pickle wants to run '\w+\.mkdir'"):
        models.load(str(copy))
    assert not trace.exists()


def test_a_file_that_is_no_weights_file_is_refused(copy: Path) -> None:
    (copy / "open_clip_model.safetensors").unlink()
    (copy / "open_clip_pytorch_model.bin").write_text("<html>404</html>")
    with pytest.raises(BadWeightsError, match=r"is not a readable weights file \(16 bytes\)"):
        models.load(str(copy))


def test_weights_of_another_architecture_name_the_first_keys(copy: Path) -> None:
    weights = copy / "open_clip_model.safetensors"
    state = load_file(weights)
    state["surprise"] = torch.zeros(1)
    del state["ln_final.weight"]
    save_file(state, weights)
    with pytest.raises(BadWeightsError) as caught:
        models.load(str(copy))
    assert "missing: ln_final.weight (1 in all); not part of it: surprise (1 in all)" in str(caught.value)
    assert str(weights) in str(caught.value)


def test_weights_of_another_size_say_both_sizes(copy: Path) -> None:
    weights = copy / "open_clip_model.safetensors"
    save_file({**load_file(weights), "text_projection": torch.zeros(8, 5)}, weights)
    with pytest.raises(
        BadWeightsError, match=r"text_projection is 8, 5 and should be 8, 8 \(1 sizes differ\)"
    ):
        models.load(str(copy))


def test_a_folder_without_weights_or_without_configuration_says_which(copy: Path) -> None:
    (copy / "open_clip_model.safetensors").unlink()
    with pytest.raises(BadWeightsError, match="holds a configuration but no weights"):
        models.load(str(copy))
    (copy / "open_clip_config.json").unlink()
    with pytest.raises(BadWeightsError, match=r"neither open_clip_config\.json nor config\.json"):
        models.load(str(copy))


def test_the_same_request_gives_the_same_object_and_changed_files_another(copy: Path) -> None:
    first = models.load(str(copy))
    assert models.load(str(copy)) is first
    assert models.load(str(copy), dtype="bfloat16") is not first
    state = load_file(copy / "open_clip_model.safetensors")
    save_file({name: value * 1.5 for name, value in state.items()}, copy / "open_clip_model.safetensors")
    changed = models.load(str(copy))
    assert changed is not first and changed.weights_hash != first.weights_hash


@pytest.mark.slow
def test_the_least_recently_used_model_is_evicted_and_released(
    tiny: Path, tmp_path: Path, bounded: None
) -> None:
    models.unload()
    folders = [Path(shutil.copytree(tiny, tmp_path / str(i))) for i in range(3)]
    first = models.load(str(folders[0]))
    models.keep(limit_gb=2.5 * first.size_bytes / 1e9)
    models.load(str(folders[1]))
    assert models.load(str(folders[0])) is first  # used again: the second is the oldest now
    gone = weakref.ref(models.loaded()[0])
    models.load(str(folders[2]))
    assert [model.card.name for model in models.loaded()] == [str(folders[0]), str(folders[2])]
    free()
    assert gone() is None
    assert models.unload(str(folders[0])) == [str(folders[0])]
    assert models.load(str(folders[2])) is models.loaded()[-1]


def test_a_shipped_model_loads_by_its_name(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.models import catalogue, names

    for module in (cards, catalogue, names):
        monkeypatch.setattr(module, "WEIGHTS", tmp_path)
    with pytest.raises(UnavailableError, match=r"emoji-clip ships with the workbench, but .* is missing"):
        models.load("emoji-clip")
    copy.rename(tmp_path / "emoji-clip")
    model = models.load("emoji-clip")
    assert model.card.name == "emoji-clip" and model.card.source == "shipped"
    assert model.card.image_size == (16, 16) and model.card.text_length == 16
    assert models.card("emoji-clip").size_mb > 0


def test_the_catalogue_is_a_table_and_escapes_what_it_shows(tmp_path: Path) -> None:
    rows = models.available()
    assert "open_clip:ViT-B-32/laion2b_s34b_b79k" in rows.names
    assert "would be downloaded" in repr(rows) and "605.0 MB" in repr(rows)
    assert "<caption" in rows._repr_html_()
    hostile = type(rows)([models.ModelCard("<script>", "x", "y", "z")])
    assert "<script>" not in hostile._repr_html_()
    with pytest.raises(UnknownNameError, match="no card for 'emoji-klip'"):
        models.card("emoji-klip")


def test_every_curated_open_clip_row_is_a_tag_of_open_clip() -> None:
    from workbench.models.names import parse

    curated = [card.name for card in cards.CARDS if card.name.startswith("open_clip:")]
    assert curated and all(parse(name).kind == "tag" for name in curated)


@pytest.mark.parametrize("name", [card.name for card in cards.SHIPPED])
def test_the_card_of_what_ships_says_the_sizes_of_what_loads(name: str) -> None:
    said, found = models.card(name), models.load(name).card
    sizes = [(card.image_size, card.text_length, card.parameters) for card in (said, found)]
    assert sizes[0] == sizes[1] and None not in sizes[0]


def test_what_a_callers_function_raises_is_not_said_of_the_files(copy: Path) -> None:
    def hear(_: object) -> None:
        raise ZeroDivisionError("in the notebook")

    with pytest.raises(ZeroDivisionError, match="in the notebook"):
        models.load(str(copy), on_event=hear)


def test_loading_says_what_it_does(copy: Path) -> None:
    seen: list = []
    models.load(str(copy), on_event=seen.append)
    assert [event.stage for event in seen] == ["loading", "loading"]
    assert "is ready" in seen[-1].message and seen[-1].done == seen[-1].total == 1
