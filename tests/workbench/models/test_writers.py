"""Folders of models that write: loaded offline, asked, written step by step, and refused in words."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests import more_writer_folders
from tests.families import state
from tests.writer_folders import FOLDERS, STEPS, greedy, loaded
from workbench import models
from workbench.errors import BadInputError, UnsupportedError
from workbench.models import as_writer
from workbench.models.adapters.writers import TransformersWriter
from workbench.models.adapters.writers.layout import picture_tokens
from workbench.models.writer import ROLES, Question, Writer
from workbench.zeroshot import classify

SEE = [name for name in FOLDERS if name not in ("t5", "bart", "llama")]
SEVERAL = (
    "llava", "llava_plain", "llava_next", "qwen2vl", "idefics3", "internvl", "gemma3", "mllama", "paligemma",
)  # fmt: skip
assert more_writer_folders.FOLDERS is FOLDERS
ASKED = "what colour is the star ?"


def questions(writer: TransformersWriter, name: str, picture: Image.Image) -> list[Question]:
    if name not in SEE:
        return [writer.ask(prompt="describe the picture")]
    if name == "blip_vqa":
        return [writer.ask([picture], ASKED)]
    found = [writer.ask([picture], ASKED), writer.ask([picture])]
    return [*found, writer.ask([picture, picture.rotate(90)], "which is red ?")] if name in SEVERAL else found


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_loaded_asked_and_writes_as_generate_does(
    writer_folder: Callable[[str], Path], name: str, picture: Image.Image
) -> None:
    writer = loaded(writer_folder(name))
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
    writer_folder: Callable[[str], Path], name: str, picture: Image.Image
) -> None:
    writer = loaded(writer_folder(name))
    for question in questions(writer, name, picture):
        words = np.flatnonzero(question.roles == ROLES.index("instruction"))
        read = writer._reading.tokeniser.decode(question.tokens[words])  # type: ignore[union-attr]
        assert read.replace(" ", "") == question.prompt.replace(" ", "")
        shown = (question.roles == ROLES.index("picture")).sum()
        marks = np.isin(question.tokens, picture_tokens(writer.module)).sum()
        assert shown == marks and (shown > 0) == (name in (*SEVERAL, "blip2") and len(question.pictures) > 0)


def test_a_template_is_filled_and_the_lack_of_one_is_told(
    writer_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(writer_folder("llava"))
    asked = writer.ask([picture], ASKED)
    assert (
        asked.pieces[-2:] == ("<unk>", ":") and asked.notes == () and writer.capabilities["converse"] is None
    )
    plain = loaded(writer_folder("llava_plain"))
    asked = plain.ask([picture], ASKED)
    assert asked.pieces[-1] == "?" and "no chat template" in asked.notes[0]
    assert "no chat template" in str(plain.capabilities["converse"])


def test_tiles_are_counted(writer_folder: Callable[[str], Path], picture: Image.Image) -> None:
    (note,) = loaded(writer_folder("idefics3")).ask([picture], ASKED).notes
    assert note.startswith("1 picture became 5 tiles")


@pytest.mark.parametrize("name", ["t5", "bart", "llama", "qwen2vl"])
@pytest.mark.parametrize(
    "text", ["the cat 's star , do you see ?", "一只红色的小猫 🦊 ok", "  a  small star "]
)
def test_pieces_joined_are_the_text(writer_folder: Callable[[str], Path], name: str, text: str) -> None:
    writer = loaded(writer_folder(name))
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


def test_a_character_of_several_tokens_stands_in_the_last_one(writer_folder: Callable[[str], Path]) -> None:
    writer = loaded(writer_folder("qwen2vl"))
    words: Any = writer._reading.tokeniser
    ids = words("🦊", add_special_tokens=False)["input_ids"]
    assert len(ids) > 1 and writer.decode(ids) == (*[""] * (len(ids) - 1), "🦊")


def test_two_requests_at_once_do_not_mix(writer_folder: Callable[[str], Path], picture: Image.Image) -> None:
    writer = loaded(writer_folder("qwen2vl"))
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
    writer_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(writer_folder("qwen2vl"))
    inner = writer.module.model
    inner.rope_deltas = mine = torch.tensor([[7]])
    digest = writer.weights_hash
    greedy(writer, writer.ask([picture], ASKED))
    assert inner.rope_deltas is mine and writer.weights_hash == digest and writer.keepable


def test_a_model_is_left_as_it_was_found_and_let_go(
    own_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(own_folder("qwen2vl"))
    asked = writer.ask([picture], ASKED)
    tokens, logits = greedy(writer, asked)
    writer.module.train()
    before = state(writer.module)
    again = greedy(writer, asked)
    forced = writer.force(asked, tokens)
    assert again[0] == tokens and torch.equal(again[1], logits) and forced.module is writer.module
    assert state(writer.module) == before
    gone = weakref.ref(writer.module)
    models.unload()
    del writer, forced
    gc.collect()
    assert gone() is None


def test_what_cannot_be_asked_is_refused_in_words(
    writer_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    with pytest.raises(UnsupportedError, match="takes no picture"):
        loaded(writer_folder("llama")).ask([picture], "a cat")
    with pytest.raises(BadInputError, match=r"No picture was given, and .* writes about a picture"):
        loaded(writer_folder("vit_gpt2")).ask(prompt="a cat")
    with pytest.raises(BadInputError, match=r"2 pictures were given, and .* reads one at a time"):
        loaded(writer_folder("blip")).ask([picture, picture])
    with pytest.raises(BadInputError, match="answers questions about a picture, and none was asked"):
        loaded(writer_folder("blip_vqa")).ask([picture])
    with pytest.raises(BadInputError, match="Neither a picture nor a prompt"):
        loaded(writer_folder("llava")).ask()
    with pytest.raises(BadInputError, match="expected a text"):
        loaded(writer_folder("llava")).ask([picture], 7)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="cannot read 1 picture with the prompt"):
        loaded(writer_folder("llava")).ask([picture], "<image> and another ?")


def test_a_prompt_or_a_picture_beyond_the_context_is_refused_before_running(
    writer_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(writer_folder("llava"))
    with pytest.raises(BadInputError, match=r"256 positions .* take 3\d\d, 16 of them for the picture"):
        writer.ask([picture], "star " * 300)
    with pytest.raises(BadInputError, match="shorter prompt, or fewer new tokens"):
        writer.force(writer.ask([picture], ASKED), [5] * 250)
    large = loaded(writer_folder("qwen2vl"))
    with pytest.raises(BadInputError, match="a smaller picture"):
        large.ask([picture.resize((128, 128))] * 5, ASKED)
    with pytest.raises(BadInputError, match=r"64 positions"):
        loaded(writer_folder("bart")).ask(prompt="star " * 300)


def test_a_template_that_cannot_be_filled_is_refused(
    own_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    changed = own_folder("llava")
    (changed / "chat_template.jinja").write_text("{{ raise_exception('only text, please') }}")
    with pytest.raises(UnsupportedError, match="only text, please"):
        models.load(str(changed))


def test_a_writer_is_no_dual_encoder_and_the_other_way_round(
    writer_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    writer = loaded(writer_folder("llava"))
    with pytest.raises(BadInputError, match="writes: it has no vectors"):
        classify(writer, [picture], ["a cat", "a dog"])  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="writes: it has no vectors"):
        classify(str(writer_folder("llava")), [picture], ["a cat", "a dog"])
    with pytest.raises(UnsupportedError, match="compares pictures with texts and writes none"):
        as_writer("emoji-clip")
    assert as_writer(str(writer_folder("llava"))) is writer and as_writer(writer) is writer


def test_a_model_in_memory_with_its_processor_is_the_same_writer(
    writer_folder: Callable[[str], Path], picture: Image.Image
) -> None:
    from transformers import AutoProcessor

    writer = loaded(writer_folder("llava"))
    other = as_writer(writer.module, AutoProcessor.from_pretrained(writer_folder("llava")))
    one, two = writer.ask([picture], ASKED), other.ask([picture], ASKED)
    assert one.pieces == two.pieces and greedy(writer, one)[0] == greedy(other, two)[0]  # type: ignore[arg-type]
    assert other.weights_hash == other.weights_hash != writer.weights_hash
    given = as_writer(writer.module, tensors=dict(one.tensors))
    assert given.ask().tokens.tolist() == one.tokens.tolist()
    with pytest.raises(UnsupportedError, match="without its processor"):
        given.ask([picture], "a cat")
