"""The words of `shapes-vlm`: every word of captions, wordings and answers, in English and Chinese."""

from __future__ import annotations

import re

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from workbench.data.scene_language import RELATIONS, Language, word_of
from workbench.data.scenes import COLOURS, SHAPES, SIZES
from workbench.data.wordings import HELD_OUT, PLACES, TASKS, TRAINED, answer_in_chinese, worded

__all__ = ["ANSWER", "END", "IMAGE", "LANGUAGES", "PAD", "TEMPLATE", "UNASKED", "UNKNOWN", "reader"]

PAD, END, UNKNOWN, IMAGE, ANSWER = "<pad>", "<end>", "<unknown>", "<image>", "<answer>"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
UNASKED = {"en": "", "zh": "中文"}
"""What stands between picture and <answer> where a caption is wanted without an instruction."""
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<answer>{% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}<end>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<answer>{% endif %}"
)
"""Picture, instruction, <answer>, answer, <end>: nothing between them that training did not have."""

_SPACE = "▁"  # stands before a word that is written with a space
_HAN = "\u4e00-\u9fff"
_ASKING_ZH = (
    "描述", "这张", "图片", "里", "什么", "给", "写", "一句", "说明", "说出", "所有", "东西",
    "每个", "画了", "有", "几个", "数一数", "多少", "个", "是", "数量", "一共", "颜色", "那个",
    "哪种", "告诉", "我", "形状", "吗", "没有", "你", "看到", "了", "能", "这里", "不是",
    "不在", "对", "从", "看", "哪里", "位置", "哪个",
)  # fmt: skip
_NUMBERS = ("zero", "one", "two", "three", "four", "five")


def reader(context: int) -> PreTrainedTokenizerFast:
    """A word-level tokeniser of both languages with its chat template; other words become one unknown.

    Chinese is cut into words as English is (一个, 大的, 红色, 圆形), so that a word can be
    pointed at in either.
    """
    chinese = _chinese_words()
    marks = [PAD, END, UNKNOWN, IMAGE, ANSWER]
    words = dict.fromkeys([*marks, *_english_words(), *",.?", "。", "、", *chinese])
    tokenizer = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(words)}, unk_token=UNKNOWN)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    longest_first = "|".join(sorted(chinese, key=len, reverse=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(_SPACE, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(f"{_SPACE}(?=[{_HAN}]|$)"), "removed"),
            pre_tokenizers.Split(Regex(f"{longest_first}|[{_HAN}]|[,.?。、]"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(_SPACE, prepend_scheme="always")
    tokenizer.add_special_tokens(marks)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=[IMAGE, ANSWER],
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        chat_template=TEMPLATE,
    )


def _english_words() -> list[str]:
    told = ["a and", *map(word_of, (*SIZES, *COLOURS, *SHAPES, *RELATIONS)), "yes no", *_NUMBERS]
    told += [name for row in PLACES for name in row]
    blank = {"colour": "", "shape": "", "thing": "", "other": "", "relation": ""}
    told += [worded(task, k, "en", **blank) for task in TASKS for k in (*TRAINED, *HELD_OUT)]
    return [_SPACE + word for word in dict.fromkeys(re.findall("[a-z]+", " ".join(told)))]


def _chinese_words() -> list[str]:
    """Of captions 一个 + size + 的 + colour + shape; 在 … 的 + side; of wordings and of answers."""
    told = ["一个", "在", "的", UNASKED["zh"], *_ASKING_ZH, *(f"{word_of(size, 'zh')}的" for size in SIZES)]
    told += [word_of(term, "zh") for term in (*COLOURS, *SHAPES, *RELATIONS)]
    answers = [*_NUMBERS, "yes", "no", *(name for row in PLACES for name in row)]
    told += [
        answer_in_chinese(answer, task) or "" for answer in answers for task in ("existence", "relation")
    ]
    return list(dict.fromkeys(told))
