"""Folders of models that write: loaded offline, asked, written step by step, and refused in words."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests import more_writer_folders, writer_folders
from tests.writer_folders import FOLDERS
from workbench import models
from workbench.errors import BadInputError, BadWeightsError, UnavailableError, UnsupportedError
from workbench.models import as_writer
from workbench.models.adapters.writers import TransformersWriter
from workbench.models.adapters.writers.layout import picture_tokens
from workbench.models.writer import ROLES, Question, Writer
from workbench.zeroshot import classify

STEPS = 8
SEE = [name for name in FOLDERS if name not in ("t5", "bart", "llama")]
SEVERAL = (
    "llava", "llava_plain", "llava_next", "qwen2vl", "idefics3", "internvl", "gemma3", "mllama", "paligemma",
)  # fmt: skip
assert more_writer_folders.FOLDERS is FOLDERS
ASKED = "what colour is the star ?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder of that name; made once, and not to be changed."""
    root = tmp_path_factory.mktemp("writers")

    def get(name: str) -> Path:
        return root / name if (root / name).is_dir() else writer_folders.made(name, root / name)

    return get


@pytest.fixture
def own(folder: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy that the test may change."""
    return lambda name: Path(shutil.copytree(folder(name), tmp_path / f"own_{name}"))


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8))


def loaded(folder: Path) -> TransformersWriter:
    return models.load(str(folder))  # type: ignore[no-any-return]


def questions(writer: TransformersWriter, name: str, picture: Image.Image) -> list[Question]:
    if name not in SEE:
        return [writer.ask(prompt="describe the picture")]
    if name == "blip_vqa":
        return [writer.ask([picture], ASKED)]
    found = [writer.ask([picture], ASKED), writer.ask([picture])]
    return [*found, writer.ask([picture, picture.rotate(90)], "which is red ?")] if name in SEVERAL else found


def greedy(writer: TransformersWriter, question: Question) -> tuple[list[int], torch.Tensor]:
    step, tokens, logits = writer.begin(question), [], []
    for _ in range(STEPS):
        logits.append(step.logits[0])
        tokens.append(int(step.ruled[0].argmax()))
        step = step.extend([tokens[-1]])
    return tokens, torch.stack(logits)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_loaded_asked_and_writes_as_generate_does(
    folder: Callable[[str], Path], name: str, picture: Image.Image
) -> None:
    writer = loaded(folder(name))
    assert isinstance(writer, Writer) and writer.capabilities["write"] is None and writer.ends
    assert (writer.capabilities["see"] is None) == (name in SEE)
    assert writer.capabilities["gradients"] is writer.capabilities["attend_answer"] is None
    for question in questions(writer, name, picture):
        tokens, logits = greedy(writer, question)
        given = {key: value.clone() for key, value in question.tensors.items()}
        if name == "blip":  # its generate drops the last token of what it is given
            given["input_ids"] = torch.cat([given["input_ids"], given["input_ids"][:, -1:]], dim=1)
            given.pop("attention_mask", None)
        if name == "blip_vqa":  # it begins by itself, and takes no other beginning
            given.pop("decoder_input_ids")
        how = {"max_new_tokens": STEPS, "do_sample": False, "forced_eos_token_id": None}
        theirs = writer.module.generate(**given, **how)[0].tolist()
        theirs = theirs[len(question.tokens) :]
        ended = next((place + 1 for place, token in enumerate(tokens) if token in writer.ends), STEPS)
        assert tokens[:ended] == theirs[:ended] and theirs
        forced = writer.force(question, tokens)
        with torch.no_grad():
            whole = forced.module(**forced.tensors, **forced.settings).logits[0, forced.rows]
        torch.testing.assert_close(whole, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", [name for name in FOLDERS if name not in ("t5", "bart", "blip_vqa", "florence2")]
)
def test_the_users_words_stand_where_they_are_said_to_stand(
    folder: Callable[[str], Path], name: str, picture: Image.Image
) -> None:
    writer = loaded(folder(name))
    for question in questions(writer, name, picture):
        words = np.flatnonzero(question.roles == ROLES.index("instruction"))
        read = writer._reading.tokeniser.decode(question.tokens[words])  # type: ignore[union-attr]
        assert read.replace(" ", "") == question.prompt.replace(" ", "")
        shown = (question.roles == ROLES.index("picture")).sum()
        marks = np.isin(question.tokens, picture_tokens(writer.module)).sum()
        assert shown == marks and (shown > 0) == (name in (*SEVERAL, "blip2") and len(question.pictures) > 0)


def test_a_template_is_filled_and_the_lack_of_one_is_told(
    folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(folder("llava"))
    asked = writer.ask([picture], ASKED)
    assert (
        asked.pieces[-2:] == ("<unk>", ":") and asked.notes == () and writer.capabilities["converse"] is None
    )
    plain = loaded(folder("llava_plain"))
    asked = plain.ask([picture], ASKED)
    assert asked.pieces[-1] == "?" and "no chat template" in asked.notes[0]
    assert "no chat template" in str(plain.capabilities["converse"])


def test_tiles_are_counted(folder: Callable[[str], Path], picture: Image.Image) -> None:
    (note,) = loaded(folder("idefics3")).ask([picture], ASKED).notes
    assert note.startswith("1 picture became 5 tiles")


@pytest.mark.parametrize("name", ["t5", "bart", "llama", "qwen2vl"])
@pytest.mark.parametrize(
    "text", ["the cat 's star , do you see ?", "一只红色的小猫 🦊 ok", "  a  small star "]
)
def test_pieces_joined_are_the_text(folder: Callable[[str], Path], name: str, text: str) -> None:
    writer = loaded(folder(name))
    words: Any = writer._reading.tokeniser
    for cleaned in (False, True):
        words.clean_up_tokenization_spaces = cleaned
        ids = [*words(text, add_special_tokens=False)["input_ids"], words.eos_token_id]
        pieces = writer.decode(ids)
        assert "".join(pieces) == words.decode(ids, skip_special_tokens=True)
        assert len(pieces) == len(ids) and pieces[-1] == ""
        grown = [writer.decode(ids[:stop]) for stop in range(1, len(ids) + 1)]  # as it is written
        assert grown[-1] == pieces and writer.decode(ids[:3]) == grown[2]
    words.clean_up_tokenization_spaces = False


def test_a_character_of_several_tokens_stands_in_the_last_one(folder: Callable[[str], Path]) -> None:
    writer = loaded(folder("qwen2vl"))
    words: Any = writer._reading.tokeniser
    ids = words("🦊", add_special_tokens=False)["input_ids"]
    assert len(ids) > 1 and writer.decode(ids) == (*[""] * (len(ids) - 1), "🦊")


def test_two_requests_at_once_do_not_mix(folder: Callable[[str], Path], picture: Image.Image) -> None:
    writer = loaded(folder("qwen2vl"))
    asked = [
        writer.ask([picture], ASKED), writer.ask([picture.resize((40, 200))], "which"), writer.ask(prompt="a cat"),
    ]  # fmt: skip
    alone = [greedy(writer, question) for question in asked]
    together: list[Any] = [None] * len(asked)

    def run(place: int) -> None:
        together[place] = greedy(writer, asked[place])

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (tokens, logits), (same, again) in zip(alone, together, strict=True):
        assert tokens == same
        torch.testing.assert_close(again, logits, rtol=1e-4, atol=1e-5)


def test_what_a_model_remembers_is_its_users_again(
    folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(folder("qwen2vl"))
    inner = writer.module.model
    inner.rope_deltas = mine = torch.tensor([[7]])
    digest = writer.weights_hash
    greedy(writer, writer.ask([picture], ASKED))
    assert inner.rope_deltas is mine and writer.weights_hash == digest and writer.keepable


def test_what_cannot_be_asked_is_refused_in_words(
    folder: Callable[[str], Path], picture: Image.Image
) -> None:
    with pytest.raises(UnsupportedError, match="takes no picture"):
        loaded(folder("llama")).ask([picture], "a cat")
    with pytest.raises(BadInputError, match=r"No picture was given, and .* writes about a picture"):
        loaded(folder("vit_gpt2")).ask(prompt="a cat")
    with pytest.raises(BadInputError, match=r"2 pictures were given, and .* reads one at a time"):
        loaded(folder("blip")).ask([picture, picture])
    with pytest.raises(BadInputError, match="answers questions about a picture, and none was asked"):
        loaded(folder("blip_vqa")).ask([picture])
    with pytest.raises(BadInputError, match="Neither a picture nor a prompt"):
        loaded(folder("llava")).ask()
    with pytest.raises(BadInputError, match="expected a text"):
        loaded(folder("llava")).ask([picture], 7)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="cannot read 1 picture with the prompt"):
        loaded(folder("llava")).ask([picture], "<image> and another ?")


def test_a_prompt_or_a_picture_beyond_the_context_is_refused_before_running(
    folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(folder("llava"))
    with pytest.raises(BadInputError, match=r"256 positions .* take 3\d\d, 16 of them for the picture"):
        writer.ask([picture], "star " * 300)
    with pytest.raises(BadInputError, match="shorter prompt, or fewer new tokens"):
        writer.force(writer.ask([picture], ASKED), [5] * 250)
    large = loaded(folder("qwen2vl"))
    with pytest.raises(BadInputError, match="a smaller picture"):
        large.ask([picture.resize((128, 128))] * 5, ASKED)
    with pytest.raises(BadInputError, match=r"64 positions"):
        loaded(folder("bart")).ask(prompt="star " * 300)


def test_a_template_that_cannot_be_filled_is_refused(
    own: Callable[[str], Path], picture: Image.Image
) -> None:
    changed = own("llava")
    (changed / "chat_template.jinja").write_text("{{ raise_exception('only text, please') }}")
    with pytest.raises(UnsupportedError, match="only text, please"):
        models.load(str(changed))


def test_a_writer_is_no_dual_encoder_and_the_other_way_round(
    folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(folder("llava"))
    with pytest.raises(BadInputError, match="writes: it has no vectors"):
        classify(writer, [picture], ["a cat", "a dog"])  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="writes: it has no vectors"):
        classify(str(folder("llava")), [picture], ["a cat", "a dog"])
    with pytest.raises(UnsupportedError, match="compares pictures with texts and writes none"):
        as_writer("emoji-clip")
    assert as_writer(str(folder("llava"))) is writer and as_writer(writer) is writer


def test_a_model_in_memory_with_its_processor_is_the_same_writer(
    folder: Callable[[str], Path], picture: Image.Image
) -> None:
    from transformers import AutoProcessor

    writer = loaded(folder("llava"))
    other = as_writer(writer.module, AutoProcessor.from_pretrained(folder("llava")))
    one, two = writer.ask([picture], ASKED), other.ask([picture], ASKED)
    assert one.pieces == two.pieces and greedy(writer, one)[0] == greedy(other, two)[0]  # type: ignore[arg-type]
    assert other.weights_hash == other.weights_hash != writer.weights_hash
    given = as_writer(writer.module, tensors=dict(one.tensors))
    assert given.ask().tokens.tolist() == one.tokens.tolist()
    with pytest.raises(UnsupportedError, match="without its processor"):
        given.ask([picture], "a cat")


def test_the_same_files_are_the_same_writer_and_changed_ones_another(own: Callable[[str], Path]) -> None:
    changed = own("llava")
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


def test_half_precision_is_taken_and_said(folder: Callable[[str], Path], picture: Image.Image) -> None:
    writer = models.load(str(folder("llava")), dtype="bfloat16")
    assert writer.precision == "bfloat16" and writer.size_bytes < 0.6 * loaded(folder("llava")).size_bytes
    step = writer.begin(writer.ask([picture], ASKED))
    assert step.logits.dtype == torch.float32 and torch.isfinite(step.logits).all()


def test_damaged_files_are_refused(own: Callable[[str], Path]) -> None:
    weights = own("llava")
    (weights / "model.safetensors").write_bytes((weights / "model.safetensors").read_bytes()[:2000])
    with pytest.raises(BadWeightsError, match="not a complete safetensors file"):
        models.load(str(weights))
    short = own("blip")
    tensors = load_file(short / "model.safetensors")
    tensors.pop(next(name for name in tensors if name.endswith("output.dense.weight")))
    save_file(tensors, short / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadWeightsError, match="1 tensors are missing"):
        models.load(str(short))
    huge = own("bart")
    config = json.loads((huge / "config.json").read_text())
    (huge / "config.json").write_text(json.dumps(config | {"vocab_size": 10**9}))
    with pytest.raises(BadWeightsError, match="says vocab_size"):
        models.load(str(huge))
    for name, file in (("t5", "tokenizer.json"), ("git", "processor_config.json")):
        spoilt = own(name)
        (spoilt / file).write_text("{")
        with pytest.raises(BadWeightsError):
            models.load(str(spoilt))
    silent = own("llama")
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
    own: Callable[[str], Path], config: dict[str, str], instead: str
) -> None:
    brings = own("llava")
    said = json.loads((brings / "config.json").read_text())
    (brings / "config.json").write_text(json.dumps(said | config | {"auto_map": {"AutoModel": "evil.Model"}}))
    (brings / "evil.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(UnsupportedError, match=rf"never run here.*{instead}"):
        models.load(str(brings))


def test_options_of_towers_are_refused_and_those_of_writers_for_towers(folder: Callable[[str], Path]) -> None:
    with pytest.raises(BadInputError, match=r"image_size was given for .*which is a model that writes"):
        models.load(str(folder("llava")), image_size=64)
    with pytest.raises(BadInputError, match="is a dual encoder"):
        models.load("emoji-clip", quantize="4bit")
    with pytest.raises(BadInputError, match="is a dual encoder"):
        models.load("emoji-clip", device="auto")
    with pytest.raises(BadInputError, match="expected '4bit'"):
        models.load(str(folder("llava")), quantize="3bit")
    with pytest.raises(UnavailableError, match="on NVIDIA's GPUs alone"):
        models.load(str(folder("llava")), quantize="4bit", device="cpu")


def test_a_model_larger_than_the_memory_is_refused_before_it_is_read(
    own: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.models.adapters.writers.loading.memory_left", lambda place: 1000)
    with pytest.raises(
        UnavailableError, match=r"needs about .* in float32, and .* dtype='bfloat16' halves it"
    ):
        models.load(str(own("git")))


def test_an_adapter_is_put_on_its_base(
    folder: Callable[[str], Path], tmp_path: Path, picture: Image.Image
) -> None:
    peft = pytest.importorskip("peft")
    base = folder("llava")
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
