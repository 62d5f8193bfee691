"""The captioner's words: every word of the captions in English and Chinese, and what is said of a scene."""

from __future__ import annotations

import random

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from workbench.data.scene_language import RELATIONS, Language, caption, word_of
from workbench.data.scenes import COLOURS, SHAPES, SIZES, Scene

__all__ = ["CONTEXT", "END", "LANGUAGES", "PAD", "START", "UNKNOWN", "learn", "say"]

LANGUAGES: tuple[Language, ...] = ("en", "zh")
PAD, END, UNKNOWN = "<pad>", "<end>", "<unknown>"
START = {"en": "<en>", "zh": "<zh>"}
CONTEXT = 32  # places of the decoder; the longest caption, five things, takes 25

_SPACE = "▁"  # stands before a word that is written with a space
_CHINESE = "\u4e00-\u9fff"


def say(scene: Scene, language: Language, chance: random.Random) -> str:
    """The data's caption with the things in any order, all orders alike."""
    return caption(Scene(tuple(chance.sample(scene.things, len(scene.things)))), language)


def learn() -> Tokenizer:
    """A word-level tokeniser of both languages; other words become one unknown.

    A Chinese caption is cut into words as an English one is (一个, 大的, 红色, 圆形), so that a word can be
    pointed at in either and both have the same length. Decoding gives the caption back, spaces included.
    """
    chinese = _chinese_words()
    words = [PAD, END, UNKNOWN, *START.values(), *_english_words(), ",", *chinese]
    vocabulary = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    longest_first = "|".join(sorted(chinese, key=len, reverse=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(_SPACE, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(f"{_SPACE}(?=[{_CHINESE}]|$)"), "removed"),
            pre_tokenizers.Split(Regex(f"{longest_first}|[{_CHINESE}]|[,.?!]"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(_SPACE, prepend_scheme="always")
    tokenizer.add_special_tokens([PAD, END, UNKNOWN, *START.values()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, vocabulary[END])]
    )
    return tokenizer


def _english_words() -> list[str]:
    told = " ".join(["a and", *map(word_of, (*SIZES, *COLOURS, *SHAPES, *RELATIONS))])
    return [_SPACE + word for word in dict.fromkeys(told.split())]


def _chinese_words() -> list[str]:
    """As the data's own grammar writes them: 一个 + size + 的 + colour + shape; 在 … 的 + side; 、."""
    sizes = [f"{word_of(size, 'zh')}的" for size in SIZES]
    others = [word_of(term, "zh") for term in (*COLOURS, *SHAPES)]
    return ["一个", "、", "在", "的", *(word_of(side, "zh") for side in RELATIONS), *sizes, *others]
