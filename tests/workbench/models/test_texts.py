"""Texts reach the text tower as it was trained to read them, or the model is refused when it is loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from workbench import models
from workbench.errors import BadInputError, BadWeightsError, UnavailableError
from workbench.zeroshot.vocabulary_coverage import web_note

Make = Callable[..., Path]


# Tokenisers ---------------------------------------------------------------------------------------


def _bert_tower(folder: Path, tokeniser: Path | None = None) -> None:
    import transformers as hf

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog"]
    hf.BertConfig(
        vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    ).save_pretrained(folder)
    vocab = {word: place for place, word in enumerate(words)}
    hf.BertTokenizer(vocab=vocab).save_pretrained(tokeniser or folder)


def _with_tower(clip_folder: Make, config: Path, tokeniser: str) -> Path:
    text = {"hf_model_name": str(config), "hf_tokenizer_name": tokeniser, "hf_proj_type": "linear"}
    return clip_folder(text={**text, "hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": 16})


def test_a_folder_without_its_tokeniser_is_refused_with_its_name(
    clip_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bert_tower(tmp_path / "tower", tmp_path / "words")
    path = _with_tower(clip_folder, tmp_path / "tower", str(tmp_path / "words"))
    config = json.loads((path / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "org/some-bert"
    (path / "open_clip_config.json").write_text(json.dumps(config))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        UnavailableError, match=r"has no tokeniser .* Copy the tokeniser's files of 'org/some-bert'"
    ):
        models.load(str(path))


@pytest.mark.parametrize("where", ["absolute", "beside", "inside"])
def test_a_tokeniser_is_taken_from_where_the_configuration_says(
    clip_folder: Make, tmp_path: Path, where: str
) -> None:
    _bert_tower(tmp_path / "tower", tmp_path / "words")
    path = _with_tower(clip_folder, tmp_path / "tower", str(tmp_path / "words"))
    if where == "beside":
        shutil.copytree(tmp_path / "words", path / "words")
    elif where == "inside":
        shutil.copytree(tmp_path / "words", path, dirs_exist_ok=True)
    if where != "absolute":
        shutil.rmtree(tmp_path / "words")
        config = json.loads((path / "open_clip_config.json").read_text())
        config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "words"
        (path / "open_clip_config.json").write_text(json.dumps(config))
    assert models.load(str(path)).tokens("a cat").pieces == ("[CLS]", "a", "cat", "[SEP]")


def test_a_tokeniser_that_makes_every_text_alike_is_refused_at_load(hf_folder: Make, tmp_path: Path) -> None:
    import transformers as hf

    folder = Path(shutil.copytree(hf_folder("chinese_clip"), tmp_path / "copy"))
    for file in folder.glob("*token*"):
        file.unlink()
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    hf.BertTokenizer(vocab={mark: place for place, mark in enumerate(marks)}).save_pretrained(folder)
    with pytest.raises(
        BadWeightsError, match=r"reads every text alike: 'a cat' and 'a dog' both become '\[CLS\]"
    ):
        models.load(str(folder))


def test_a_tokeniser_of_few_words_of_its_own_is_none_of_these(hf_folder: Make, tmp_path: Path) -> None:
    import transformers as hf

    folder = Path(shutil.copytree(hf_folder("chinese_clip"), tmp_path / "copy"))
    for file in folder.glob("*token*"):
        file.unlink()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rose", "tulip"]
    hf.BertTokenizer(vocab={word: place for place, word in enumerate(words)}).save_pretrained(folder)
    assert models.load(str(folder)).capabilities["embed_texts"] is None


def test_a_configuration_that_ends_texts_elsewhere_than_the_tokeniser_is_refused(
    hf_folder: Make, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(hf_folder("clip"), tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["eos_token_id"] = 20  # in no text: the library would take the start of each
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadWeightsError, match=r"gives every text the same vector.* with token 20 .* with 57"):
        models.load(str(folder))


def test_added_words_do_not_end_a_text(hf_folder: Make, tmp_path: Path) -> None:
    import transformers as hf

    folder = Path(shutil.copytree(hf_folder("clip"), tmp_path / "copy"))
    tokeniser = hf.AutoTokenizer.from_pretrained(folder)
    tokeniser.add_tokens(["<my-cat>"])
    tokeniser.save_pretrained(folder)
    right = models.load(str(folder)).encode_texts(["a <my-cat> a cat", "a cat"])
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["eos_token_id"] = 2  # as OpenAI's CLIPs were published
    (folder / "config.json").write_text(json.dumps(config))
    loaded = models.load(str(folder))
    np.testing.assert_array_equal(loaded.encode_texts(["a <my-cat> a cat", "a cat"]), right)
    assert any("has added tokens behind its end mark ('<my-cat>')" in note for note in loaded.notes)
    library = hf.CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        theirs = library.get_text_features(
            **tokeniser(["a <my-cat> a cat"], return_tensors="pt")
        ).pooler_output
    assert float(torch.nn.functional.normalize(theirs, dim=-1)[0] @ torch.tensor(right[0])) < 0.99


def test_a_missing_sentencepiece_file_is_named(hf_folder: Make, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(hf_folder("siglip2_fixed"), tmp_path / "copy"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "SiglipTokenizer"}')
    with pytest.raises(
        BadWeightsError, match=r"names SiglipTokenizer, which reads spiece\.model, and spiece\.model"
    ):
        models.load(str(folder))


def test_lower_case_is_decided_by_the_vocabulary_and_not_by_the_class(
    hf_folder: Make, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(hf_folder("siglip2_fixed"), tmp_path / "copy"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    loaded = models.load(str(folder))
    assert "Gemma" not in type(loaded.tokeniser).__name__
    assert loaded.card.family == "SigLIP 2"
    np.testing.assert_array_equal(loaded.encode_texts(["A CAT"]), loaded.encode_texts(["a cat"]))


# The same weights in two libraries ----------------------------------------------------------------

WEB = [
    "a dog’s bed",
    "“a cat”",
    "rock &amp; roll",
    "ﬁsh",
    "ｃａｔ",
    "café",
    "plain  words",
    "a\u200bcat",
    "tea &lt; 3",
]


def test_clip_reads_web_pages_texts_alike_in_both_libraries(tmp_path: Path) -> None:
    import transformers as hf

    bpe = open_clip.SimpleTokenizer()
    vocab = {
        name.replace("<start_of_text>", "<|startoftext|>").replace("<end_of_text>", "<|endoftext|>"): place
        for name, place in bpe.encoder.items()
    }
    merges = [tuple(merge) for merge in bpe.bpe_ranks]
    text = {"vocab_size": 49408, "eos_token_id": 49407, "bos_token_id": 49406, "pad_token_id": 49407}
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = hf.CLIPConfig(
        text_config=text | small, vision_config=small | {"image_size": 32, "patch_size": 8}, projection_dim=8
    )
    for part in (
        hf.CLIPModel(config),
        hf.CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77, pad_token="<|endoftext|>"),
        hf.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
    ):
        part.save_pretrained(tmp_path / "clip")
    loaded = models.load(str(tmp_path / "clip"))
    for text in WEB:
        ids = bpe(text)[0].tolist()
        assert loaded.words([text])["input_ids"][0].tolist() == ids[: ids.index(49407) + 1], text


def test_where_libraries_read_the_same_weights_otherwise_that_is_said(
    hf_folder: Make, clip_folder: Make
) -> None:
    texts = ["a dog’s bed", "a cat"]
    siglip, clip, ours, chinese = (
        models.load(str(folder))
        for folder in (hf_folder("siglip"), hf_folder("clip"), clip_folder(), hf_folder("chinese_clip"))
    )
    (note,) = web_note(siglip, texts)
    assert "read as they stand" in note and "open_clip would read 'a dog’s bed' as \"a dog's bed\"" in note
    for plain in (clip, ours):
        (note,) = web_note(plain, texts)
        assert "read as this model was trained to, in plain ones" in note
    assert web_note(chinese, texts) == (), "no other library has these weights"
    assert web_note(siglip, ["a cat", "rock & roll", "café"]) == ()


# Languages ----------------------------------------------------------------------------------------


def test_nllb_reads_texts_in_the_language_that_is_asked_for(clip_folder: Make, tmp_path: Path) -> None:
    import transformers as hf

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *letters]
    tower = tmp_path / "tower"
    hf.NllbTokenizer(vocab={piece: place for place, piece in enumerate(pieces)}, merges=[]).save_pretrained(
        tower
    )
    hf.BertConfig(
        vocab_size=260, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    ).save_pretrained(tower)
    path = _with_tower(clip_folder, tower, str(tower))
    english = models.load(str(path))
    french = models.load(str(path), language="fra_Latn")
    assert english.tokens("chat").pieces[0] == "eng_Latn" and french.tokens("chat").pieces[0] == "fra_Latn"
    assert any("read as eng_Latn; load with language=" in note for note in english.notes)
    assert np.abs(english.encode_texts(["chat"]) - french.encode_texts(["chat"])).max() > 1e-4
    assert english.weights_hash != french.weights_hash
    with pytest.raises(BadInputError, match=r"knows no language 'fr_Latn'\. Did you mean .*fra_Latn"):
        models.load(str(path), language="fr_Latn")
    with pytest.raises(BadInputError, match="puts no language before a text"):
        models.load(str(clip_folder()), language="fra_Latn")
