"""Models that write, loaded: what makes them others, what is refused, and what is put on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests import writer_folders
from tests.writer_folders import greedy, loaded
from workbench import models
from workbench.errors import BadInputError, BadWeightsError, UnavailableError, UnsupportedError

ASKED = "what colour is the star ?"


def test_the_same_files_are_the_same_writer_and_changed_ones_another(
    own_folder: Callable[[str], Path],
) -> None:
    changed = own_folder("llava")
    writer = loaded(changed)
    assert models.load(str(changed)) is writer is models.loaded()[-1]
    assert writer.card.parameters and writer.card.image_size == (32, 32) and writer.card.family == "llava"
    weights = load_file(changed / "model.safetensors")
    name = next(name for name in weights if name.endswith("lm_head.weight"))
    weights[name] = weights[name] + 1e-3
    save_file(weights, changed / "model.safetensors", metadata={"format": "pt"})
    again = loaded(changed)
    assert again is not writer and again.weights_hash != writer.weights_hash
    (changed / "chat_template.jinja").write_text(writer_folders.CHAT + " ")
    assert loaded(changed).preprocessing_hash != again.preprocessing_hash
    with torch.no_grad():
        again.module.lm_head.weight[0, 0] += 1
    assert again.weights_hash not in (writer.weights_hash, loaded(changed).weights_hash)


def test_half_precision_is_taken_and_said(writer_folder: Callable[[str], Path], picture: Image.Image) -> None:
    writer = models.load(str(writer_folder("llava")), dtype="bfloat16")
    assert (
        writer.precision == "bfloat16" and writer.size_bytes < 0.6 * loaded(writer_folder("llava")).size_bytes
    )
    step = writer.begin(writer.ask([picture], ASKED))
    assert step.logits.dtype == torch.float32 and torch.isfinite(step.logits).all()


def test_damaged_files_are_refused(own_folder: Callable[[str], Path]) -> None:
    weights = own_folder("llava")
    (weights / "model.safetensors").write_bytes((weights / "model.safetensors").read_bytes()[:2000])
    with pytest.raises(BadWeightsError, match="not a complete safetensors file"):
        models.load(str(weights))
    short = own_folder("blip")
    tensors = load_file(short / "model.safetensors")
    tensors.pop(next(name for name in tensors if name.endswith("output.dense.weight")))
    save_file(tensors, short / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadWeightsError, match="1 tensors are missing"):
        models.load(str(short))
    huge = own_folder("bart")
    config = json.loads((huge / "config.json").read_text())
    (huge / "config.json").write_text(json.dumps(config | {"vocab_size": 10**9}))
    with pytest.raises(BadWeightsError, match="says vocab_size"):
        models.load(str(huge))
    for name, file in (("t5", "tokenizer.json"), ("git", "processor_config.json")):
        spoilt = own_folder(name)
        (spoilt / file).write_text("{")
        with pytest.raises(BadWeightsError):
            models.load(str(spoilt))
    silent = own_folder("llama")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (silent / file).unlink()
    with pytest.raises(BadWeightsError, match="no usable tokeniser"):
        models.load(str(silent))


@pytest.mark.parametrize(
    ("config", "instead"),
    [
        (
            {"model_type": "internvl_chat", "_name_or_path": "OpenGVLab/InternVL3-2B"},
            "OpenGVLab/InternVL3-2B-hf",
        ),
        ({"model_type": "internvl_chat"}, "hf:OpenGVLab/InternVL3-2B-hf"),
        (
            {"model_type": "florence2", "_name_or_path": "microsoft/Florence-2-large"},
            "community/Florence-2-large",
        ),
        ({"model_type": "qwen"}, "hf:Qwen/Qwen2-VL-2B-Instruct"),
        ({"model_type": "of my own"}, "whose architecture is part of transformers"),
    ],
)
def test_code_of_a_repository_is_never_run_and_the_successor_is_named(
    own_folder: Callable[[str], Path], config: dict[str, str], instead: str
) -> None:
    brings = own_folder("llava")
    said = json.loads((brings / "config.json").read_text())
    (brings / "config.json").write_text(json.dumps(said | config | {"auto_map": {"AutoModel": "evil.Model"}}))
    (brings / "evil.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(UnsupportedError, match=rf"never run here.*{instead}"):
        models.load(str(brings))


def test_options_of_towers_are_refused_and_those_of_writers_for_towers(
    writer_folder: Callable[[str], Path],
) -> None:
    with pytest.raises(BadInputError, match=r"image_size was given for .*which is a model that writes"):
        models.load(str(writer_folder("llava")), image_size=64)
    with pytest.raises(BadInputError, match="is a dual encoder"):
        models.load("emoji-clip", quantize="4bit")
    with pytest.raises(BadInputError, match="is a dual encoder"):
        models.load("emoji-clip", device="auto")
    with pytest.raises(BadInputError, match="expected '4bit'"):
        models.load(str(writer_folder("llava")), quantize="3bit")
    with pytest.raises(UnavailableError, match="on NVIDIA's GPUs alone"):
        models.load(str(writer_folder("llava")), quantize="4bit", device="cpu")


def test_a_model_larger_than_the_memory_is_refused_before_it_is_read(
    own_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def left(place: torch.device) -> int:
        asked.append(tuple(model.card.name for model in models.loaded()))
        return 1000

    models.load("emoji-clip")
    monkeypatch.setattr("workbench.models.adapters.writers.loading.memory_left", left)
    with pytest.raises(
        UnavailableError, match=r"numbers need about .* in float32, and .* dtype='bfloat16' halves it"
    ):
        models.load(str(own_folder("git")))
    assert "emoji-clip" in asked[0] and asked[1] == (), "what others hold is given back first"


def test_a_model_is_spread_over_what_there_is(
    writer_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer, alone = models.load(str(writer_folder("llava")), device="auto"), loaded(writer_folder("llava"))
    assert writer is not alone
    one, two = (greedy(model, model.ask([picture], ASKED)) for model in (writer, alone))
    assert one[0] == two[0]
    torch.testing.assert_close(one[1], two[1], rtol=1e-4, atol=1e-5)


def test_an_adapter_is_put_on_its_base(
    writer_folder: Callable[[str], Path], tmp_path: Path, picture: Image.Image
) -> None:
    import peft

    base = writer_folder("llava")
    writer = loaded(base)
    torch.manual_seed(1)
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    peft.get_peft_model(writer_folders_model(base), config).save_pretrained(tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": str(base)}))
    adapted = loaded(tmp_path / "adapter")
    assert any("adapter" in note for note in adapted.notes) and adapted.weights_hash != writer.weights_hash
    one, two = (model.begin(model.ask([picture], ASKED)).logits for model in (writer, adapted))
    assert not torch.allclose(one, two, atol=1e-4)


def writer_folders_model(folder: Path) -> Any:
    from transformers import LlavaForConditionalGeneration

    return LlavaForConditionalGeneration.from_pretrained(folder)
