"""How a scene may be asked: seven tasks, each in eight wordings, in English and Chinese.

Six wordings of a task are to be trained on, two are kept back; those two use only words of the six, so that a
model that fails on them fails at the wording and not at a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

__all__ = ["HELD_OUT", "PLACES", "TASKS", "TRAINED", "YES", "Task", "answer_in_chinese", "worded"]

Task = Literal["caption", "count", "colour", "shape", "existence", "relation", "place"]
TASKS: tuple[Task, ...] = get_args(Task)
TRAINED = (0, 1, 2, 3, 4, 5)
HELD_OUT = (6, 7)

PLACES = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)
"""row x col: the names of the nine fields of a picture."""

YES = ("yes", "有", "是")
"""What affirms, in either language; Chinese says 有 (there is) of a thing and 是 (it is so) of a relation."""

_EN: dict[str, tuple[str, ...]] = {
    "caption": (
        "describe the picture.",
        "what is in the picture?",
        "write a caption of the picture.",
        "tell me everything in the picture.",
        "describe every thing in this picture.",
        "caption this scene.",
        "write a caption of this scene.",
        "describe everything in this scene.",
    ),
    "count": (
        "how many {colour} things are there?",
        "count the {colour} things.",
        "what is the number of {colour} things?",
        "how many things in the picture are {colour}?",
        "tell me how many things are {colour}.",
        "give the number of things that are {colour}.",
        "tell me the number of {colour} things.",
        "count the things that are {colour}.",
    ),
    "colour": (
        "what colour is the {shape}?",
        "name the colour of the {shape}.",
        "which colour does the {shape} have?",
        "tell me the colour of the {shape}.",
        "the {shape} is of which colour?",
        "what is the colour of the {shape} in the picture?",
        "which colour is the {shape}?",
        "tell me which colour the {shape} is.",
    ),
    "shape": (
        "what shape is the {colour} thing?",
        "name the shape of the {colour} thing.",
        "which shape does the {colour} thing have?",
        "tell me the shape of the {colour} thing.",
        "the {colour} thing is of which shape?",
        "what is the shape of the {colour} thing in the picture?",
        "which shape is the {colour} thing?",
        "tell me which shape the {colour} thing is.",
    ),
    "existence": (
        "is there a {thing}?",
        "do you see a {thing}?",
        "can you see a {thing} in the picture?",
        "does the picture show a {thing}?",
        "is a {thing} in the picture?",
        "look for a {thing}. is it there?",
        "is there a {thing} in the picture?",
        "can you see a {thing} there?",
    ),
    "relation": (
        "is the {thing} {relation} the {other}?",
        "can you see the {thing} {relation} the {other}?",
        "does the {thing} stand {relation} the {other}?",
        "in the picture, is the {thing} {relation} the {other}?",
        "tell me if the {thing} is {relation} the {other}.",
        "is it the {thing} that stands {relation} the {other}?",
        "tell me if the {thing} stands {relation} the {other}.",
        "in the picture, does the {thing} stand {relation} the {other}?",
    ),
    "place": (
        "where is the {thing}?",
        "where in the picture is the {thing}?",
        "name the place of the {thing}.",
        "tell me where the {thing} is.",
        "in which part of the picture is the {thing}?",
        "which place does the {thing} have?",
        "tell me the place of the {thing}.",
        "in which place of the picture is the {thing}?",
    ),
}
_ZH: dict[str, tuple[str, ...]] = {
    "caption": (
        "描述这张图片。",
        "图片里有什么？",
        "给这张图片写一句说明。",
        "说出图片里的所有东西。",
        "描述图片里的每个东西。",
        "这张图片画了什么？",
        "描述图片里的所有东西。",
        "给图片写一句说明。",
    ),
    "count": (
        "有几个{colour}的东西？",
        "数一数{colour}的东西。",
        "{colour}的东西有多少个？",
        "图片里有几个东西是{colour}的？",
        "说出{colour}东西的数量。",
        "{colour}的东西一共有几个？",
        "数一数有几个{colour}的东西。",
        "说出{colour}的东西有多少个。",
    ),
    "colour": (
        "{shape}是什么颜色？",
        "说出{shape}的颜色。",
        "{shape}的颜色是什么？",
        "图片里的{shape}是什么颜色的？",
        "那个{shape}是哪种颜色？",
        "告诉我{shape}的颜色。",
        "告诉我{shape}是什么颜色。",
        "图片里的{shape}是哪种颜色？",
    ),
    "shape": (
        "{colour}的东西是什么形状？",
        "说出{colour}东西的形状。",
        "{colour}东西的形状是什么？",
        "图片里{colour}的东西是什么形状的？",
        "那个{colour}的东西是哪种形状？",
        "告诉我{colour}东西的形状。",
        "告诉我{colour}的东西是什么形状。",
        "图片里{colour}的东西是哪种形状？",
    ),
    "existence": (
        "有{thing}吗？",
        "图片里有没有{thing}？",
        "你看到{thing}了吗？",
        "图片里有一个{thing}吗？",
        "能看到{thing}吗？",
        "这里有没有一个{thing}？",
        "你能看到一个{thing}吗？",
        "这里有{thing}吗？",
    ),
    "relation": (
        "{thing}在{other}的{relation}吗？",
        "{thing}是不是在{other}的{relation}？",
        "{thing}在不在{other}的{relation}？",
        "图片里{thing}在{other}的{relation}，对吗？",
        "在{other}的{relation}的是{thing}吗？",
        "从{other}看，{thing}在{relation}吗？",
        "图片里{thing}是不是在{other}的{relation}？",
        "{thing}在{other}的{relation}，对吗？",
    ),
    "place": (
        "{thing}在哪里？",
        "{thing}在图片的什么位置？",
        "说出{thing}的位置。",
        "{thing}的位置在哪里？",
        "告诉我{thing}在什么位置。",
        "{thing}在图片的哪个位置？",
        "告诉我{thing}在哪里。",
        "说出{thing}在图片的什么位置。",
    ),
}
_WORDED: Mapping[str, Mapping[str, tuple[str, ...]]] = {"en": _EN, "zh": _ZH}
_ANSWERS_ZH = {
    "zero": "零个", "one": "一个", "two": "两个", "three": "三个", "four": "四个", "five": "五个",
    "top left": "左上角", "top": "上方", "top right": "右上角",
    "left": "左侧", "middle": "中间", "right": "右侧",
    "bottom left": "左下角", "bottom": "下方", "bottom right": "右下角",
}  # fmt: skip


def worded(task: str, number: int, language: str, **terms: str) -> str:
    """Wording `number` (0 to 7) of a task; `terms` are words of that language.

    They are `colour`, `shape`, or of the tasks that name things `thing`, `other` and `relation`.
    """
    return _WORDED[language][task][number].format(**terms)


def answer_in_chinese(answer: str, task: str) -> str | None:
    """Of "yes", "no", a number or a field; None of anything else."""
    if answer in ("yes", "no"):
        yes, no = ("有", "没有") if task == "existence" else ("是", "不是")
        return yes if answer == "yes" else no
    return _ANSWERS_ZH.get(answer)
