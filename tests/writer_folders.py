"""Folders of tiny models that write, as `save_pretrained` leaves them: random weights, no hub.

`FOLDERS`: name -> a function that fills a folder. A test takes one by `made(name, folder)`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from workbench import models as shelf
from workbench.models.adapters.writers import TransformersWriter
from workbench.models.writer import Question
from workbench.runtime import seeded

WORDS = [
    "a",
    "an",
    "the",
    "is",
    "are",
    "of",
    "on",
    "in",
    "to",
    "left",
    "right",
    "above",
    "below",
    "small",
    "large",
    "red",
    "green",
    "blue",
    "yellow",
    "black",
    "white",
    "star",
    "circle",
    "square",
    "cross",
    "triangle",
    "cat",
    "dog",
    "two",
    "three",
    "one",
    "and",
    "what",
    "which",
    "how",
    "many",
    "colour",
    "color",
    "shape",
    "do",
    "you",
    "see",
    "there",
    "yes",
    "no",
    "picture",
    "this",
    "describe",
    "caption",
    "en",
    "user",
    "assistant",
    ":",
    "?",
    ".",
    ",",
    "!",
    "'s",
]
LINES = [
    " ".join(WORDS),
    "What do you see in this picture?",
    "一只红色的小猫在左边",
    "Zwölf Boxkämpfer jagen 🦊",
]
CHAT = (
    "{% for turn in messages %}{{ turn['role'] | upper }}: {% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
CHATML = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% endif %}"
)
STEPS = 8
"""Tokens that `greedy` writes."""
SMALL: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
}  # fmt: skip
EYE: dict[str, Any] = {**SMALL, "image_size": 32, "patch_size": 8}


def word_level(*special: str, begin: bool = True, **named: str) -> Any:
    """A tokeniser of whole words, which it joins with spaces; `named` marks are attributes of it, too."""
    special = (*special, *named.values())
    marks = ["<pad>", "<s>", "</s>", "<unk>", *special]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys([*marks, *WORDS]))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if begin:
        made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return _wrapped(made, special, named)


def byte_level(*special: str, **named: str) -> Any:
    """A byte-level BPE of a few merges: most characters beyond English fall into several tokens."""
    special = (*special, *named.values())
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=["<pad>", "<s>", "</s>", "<unk>", *special], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(LINES, trainer)
    return _wrapped(made, special, named)


def unigram(*special: str, begin: bool = True) -> Any:
    """SentencePiece's kind: spaces are a part of the word behind them, unknown characters fall into bytes."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<pad>", "<s>", "</s>", "<unk>", *special], unk_token="<unk>",
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(LINES, trainer)
    if begin:
        made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return _wrapped(made, special)


def _wrapped(made: Any, special: tuple[str, ...], named: dict[str, str] | None = None) -> Any:
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        extra_special_tokens=named or list(special),
    )  # fmt: skip


def ids_of(tokeniser: Any, *names: str) -> list[int]:
    return [tokeniser.convert_tokens_to_ids(name) for name in names]


def text_config(tokeniser: Any, **more: Any) -> dict[str, Any]:
    return {
        **SMALL, "vocab_size": len(tokeniser), "num_key_value_heads": 2, "max_position_embeddings": 256,
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **more,
    }  # fmt: skip


def saved(folder: Path, model: Any, *parts: Any) -> None:
    model.eval().save_pretrained(folder)
    for part in parts:
        part.save_pretrained(folder)


def silenced(model: Any, *marks: int) -> Any:
    """A trained model never writes the mark of a picture."""
    model.generation_config.update(suppress_tokens=list(marks), pad_token_id=0, eos_token_id=2)
    return model


def llava(folder: Path, template: str | None = CHAT) -> None:
    words = word_level("<image>")
    (picture,) = ids_of(words, "<image>")
    config = hf.LlavaConfig(
        vision_config=hf.CLIPVisionConfig(**EYE), text_config=hf.LlamaConfig(**text_config(words)),
        image_token_index=picture, vision_feature_layer=-1,
    )  # fmt: skip
    eyes = hf.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = hf.LlavaProcessor(
        eyes, words, patch_size=8, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=template,
    )  # fmt: skip
    saved(folder, hf.LlavaForConditionalGeneration(config), processor)


def llava_plain(folder: Path) -> None:
    """Without a chat template."""
    llava(folder, template=None)


def qwen2vl(folder: Path) -> None:
    marks = (
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
        "<|video_pad|>",
    )
    words = byte_level(*marks)
    _, stop, first, last, picture, film = ids_of(words, *marks)
    text = text_config(
        words, rope_parameters={"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    )
    config = hf.Qwen2VLConfig(
        text_config=text,
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "patch_size": 8},
        image_token_id=picture, video_token_id=film, vision_start_token_id=first, vision_end_token_id=last,
    )  # fmt: skip
    model = hf.Qwen2VLForConditionalGeneration(config)
    model.generation_config.update(eos_token_id=[2, stop], pad_token_id=0, suppress_tokens=[picture, film])
    eyes = hf.Qwen2VLImageProcessor(patch_size=8, merge_size=2, min_pixels=256, max_pixels=16384)
    films = hf.Qwen2VLVideoProcessor(patch_size=8, merge_size=2)
    processor = hf.Qwen2VLProcessor(eyes, words, films, chat_template=CHATML)
    saved(folder, model, processor)


def idefics3(folder: Path) -> None:
    """Pictures are cut into tiles."""
    marks = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
    places = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
    words = word_level(*marks, *places)
    picture, stop = ids_of(words, "<image>", "<end_of_utterance>")
    config = hf.Idefics3Config(
        vision_config=EYE, text_config=hf.LlamaConfig(**text_config(words)).to_dict(), image_token_id=picture,
        scale_factor=2,
    )  # fmt: skip
    model = hf.Idefics3ForConditionalGeneration(config)
    model.generation_config.update(eos_token_id=[2, stop], pad_token_id=0, suppress_tokens=[picture])
    eyes = hf.Idefics3ImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    template = CHAT.replace("<image>\n", "<image>")
    saved(folder, model, hf.Idefics3Processor(eyes, words, image_seq_len=4, chat_template=template))


def paligemma(folder: Path) -> None:
    words = word_level("<image>", "\n", begin=False)
    (picture,) = ids_of(words, "<image>")
    config = hf.PaliGemmaConfig(
        vision_config=hf.SiglipVisionConfig(**EYE, projection_dim=32).to_dict(),
        text_config=hf.GemmaConfig(**text_config(words), head_dim=8).to_dict(),
        image_token_index=picture, projection_dim=32,
    )  # fmt: skip
    eyes = hf.SiglipImageProcessor(size={"height": 32, "width": 32})
    eyes.image_seq_length = 16
    saved(folder, hf.PaliGemmaForConditionalGeneration(config), hf.PaliGemmaProcessor(eyes, words))


def blip(folder: Path, kind: Any = hf.BlipForConditionalGeneration) -> None:
    words = word_level("[CLS]", "[SEP]", begin=False)
    first, last = ids_of(words, "[CLS]", "[SEP]")
    words.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", first), ("[SEP]", last)]
    )
    text = {**SMALL, "vocab_size": len(words), "encoder_hidden_size": 32, "max_position_embeddings": 64}
    text |= {"bos_token_id": 1, "eos_token_id": last, "sep_token_id": last, "pad_token_id": 0}
    model = kind(hf.BlipConfig(text_config=text, vision_config=EYE))
    eyes = hf.BlipImageProcessor(size={"height": 32, "width": 32})
    saved(folder, model, hf.BlipProcessor(eyes, words))


def blip_vqa(folder: Path) -> None:
    blip(folder, hf.BlipForQuestionAnswering)


def git(folder: Path) -> None:
    words = word_level("[CLS]", "[SEP]", begin=False)
    first, last = ids_of(words, "[CLS]", "[SEP]")
    text = {**SMALL, "vocab_size": len(words), "max_position_embeddings": 64}
    text |= {"bos_token_id": first, "eos_token_id": last, "pad_token_id": 0}
    eyes = hf.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    model = hf.GitForCausalLM(hf.GitConfig(vision_config=EYE, **text))
    saved(folder, model, hf.GitProcessor(eyes, words))


def vit_gpt2(folder: Path) -> None:
    """An image processor and a tokeniser side by side, and no processor of both."""
    words = byte_level()
    text = {"vocab_size": len(words), "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        hf.ViTConfig(**EYE),
        hf.GPT2Config(**text, bos_token_id=1, eos_token_id=2, is_decoder=True, add_cross_attention=True),
    )
    model = hf.VisionEncoderDecoderModel(config)
    model.generation_config.update(decoder_start_token_id=1, eos_token_id=2, pad_token_id=0)
    saved(folder, model, words, hf.ViTImageProcessor(size={"height": 32, "width": 32}))


def t5(folder: Path) -> None:
    words = unigram()
    config = hf.T5Config(
        vocab_size=len(words),
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,
    )
    config.pad_token_id, config.eos_token_id = 0, 2
    saved(folder, hf.T5ForConditionalGeneration(config), words)


def bart(folder: Path) -> None:
    words = byte_level()
    saved(folder, hf.BartForConditionalGeneration(bart_config(len(words))), words)


def bart_config(count: int) -> Any:
    return hf.BartConfig(
        vocab_size=count, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=64,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None,
    )  # fmt: skip


def llama(folder: Path) -> None:
    """A language model that sees nothing, with a chat template of its tokeniser."""
    words = word_level()
    words.chat_template = (
        "{% for turn in messages %}{{ turn['role'] }} : {{ turn['content'] }} {% endfor %}"
        "{% if add_generation_prompt %}assistant :{% endif %}"
    )
    saved(folder, hf.LlamaForCausalLM(hf.LlamaConfig(**text_config(words))), words)


FOLDERS: dict[str, Callable[[Path], None]] = {
    "llava": llava, "llava_plain": llava_plain, "qwen2vl": qwen2vl, "idefics3": idefics3, "paligemma": paligemma,
    "blip": blip, "blip_vqa": blip_vqa, "git": git, "vit_gpt2": vit_gpt2, "t5": t5, "bart": bart, "llama": llama,
}  # fmt: skip


def made(name: str, folder: Path, seed: int = 0) -> Path:
    """The folder, filled; the same weights for the same seed."""
    folder.mkdir(parents=True, exist_ok=True)
    with seeded(seed), torch.no_grad():
        FOLDERS[name](folder)
    return folder


def loaded(folder: Path) -> TransformersWriter:
    return shelf.load(str(folder))  # type: ignore[no-any-return]


def greedy(writer: TransformersWriter, question: Question) -> tuple[list[int], torch.Tensor]:
    step, tokens, logits = writer.begin(question), [], []
    for _ in range(STEPS):
        logits.append(step.logits[0])
        tokens.append(int(step.ruled[0].argmax()))
        step = step.extend([tokens[-1]])
    return tokens, torch.stack(logits)
