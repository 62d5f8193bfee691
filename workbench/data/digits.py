"""The `digits-words` data: a handwritten digit beside a written number, with dials and known ceilings.

The picture is real; which word stands beside it, and what is asked, is ours. So the best possible
accuracies follow from counting, for a reader who recognises every digit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.data.dataset_cards import card
from workbench.data.pairs import Pairs, Source, content_key
from workbench.errors import BadInputError, UnavailableError, did_you_mean

__all__ = ["DIGIT_TASKS", "digit_facts", "load_digits_words"]

_SIDE = 32  # pixels: the digits have 8 x 8, drawn four times as large
_WORDS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "zh": ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九"),
}
_PARTS = (("train", 0.6), ("validation", 0.15), ("test", 0.25))
_Rule = Callable[[NDArray, NDArray], NDArray]

DIGIT_TASKS: dict[str, tuple[_Rule, tuple[str, ...], float]] = {
    # name: (picture's digit, written digit) to class; class names; how often the word is about the picture
    "redundant": (lambda a, b: a, tuple("0123456789"), 1.0),
    "unique-image": (lambda a, b: a % 2, ("even", "odd"), 0.0),
    "unique-text": (lambda a, b: b % 2, ("even", "odd"), 0.0),
    "xor": (lambda a, b: (a + b) % 2, ("same parity", "other parity"), 0.0),
    "and": (lambda a, b: (a % 2) & (b % 2), ("not both odd", "both odd"), 0.0),
    "match": (lambda a, b: (a == b).astype(np.int64), ("different", "the same"), 0.5),
    "sum-mod": (lambda a, b: (a + b) % 10, tuple("0123456789"), 0.0),
}


def load_digits_words(
    *,
    task: str = "xor",
    shared: float | None = None,
    text_noise: float = 0.0,
    image_noise: float = 0.0,
    n: int = 4000,
    seed: int = 0,
    language: str = "en",
) -> Pairs:
    """`n` handwritten digits, each beside a digit word, and the answer to `task` as label.

    Columns: `digit` (of the picture), `word_digit` (what the word was before noise), `split`
    ("train", "validation", "test"; the 1,797 pictures are shared out, so none is in two parts).
    `pairs.facts` holds the ceilings that follow from the dials (see `digit_facts`).

    Args:
        task: "redundant" (which digit?), "unique-image", "unique-text" (is it odd?), "xor" (are the
            parities different?), "and" (are both odd?), "match" (the same digit?), "sum-mod" (last
            digit of the sum).
        shared: chance that the word names the picture's digit; otherwise it is drawn from all others
            ("match") or from all ten. None takes the task's own: 1, .5 or 0.
        text_noise: chance that the word is then replaced by any of the ten.
        image_noise: standard deviation of noise added to pixels of 0..1.

    Raises:
        BadInputError: a dial outside its range, or an unknown task or language.
        UnavailableError: scikit-learn is not installed.
    """
    rule, classes, usual = _task(task)
    shared = usual if shared is None else shared
    _check(shared=shared, text_noise=text_noise, image_noise=image_noise, n=n, seed=seed, language=language)
    random = np.random.default_rng(seed)
    digits = _drawings()[1]
    rows, parts = _rows(len(digits), n, random)
    digit = digits[rows]
    word = _words(task, digit, shared, random)
    heard = np.where(random.random(n) < text_noise, random.integers(0, 10, n), word)
    options = {"shared": shared, "text_noise": text_noise, "image_noise": image_noise, "language": language}
    about = card("digits-words")
    return Pairs(
        name=f"digits-words, {task}",
        sources=tuple(_source(int(row), image_noise, seed, item) for item, row in enumerate(rows)),
        texts=tuple(_WORDS[language][number] for number in heard),
        labels=tuple(classes[number] for number in rule(digit, word)),
        columns={"digit": tuple(digit.tolist()), "word_digit": tuple(word.tolist()), "split": parts},
        credit=about.credit,
        licence=about.licence,
        code=_code(task, options, usual, n, seed),
        facts=digit_facts(task, shared=shared, text_noise=text_noise),
    )


def digit_facts(task: str, *, shared: float | None = None, text_noise: float = 0.0) -> dict[str, float]:
    """Best accuracies by counting all digits and words, for a reader who recognises every digit.

    "bayes_accuracy" of both together, "image_accuracy" and "text_accuracy" of one alone, and for "xor"
    without sharing "additive_accuracy", the most that any sum of one score a modality can reach: in
    each of the 2 x 2 blocks of the digit table such a sum is right on at most three cells.
    """
    rule, classes, usual = _task(task)
    shared = usual if shared is None else shared
    picture, word = np.mgrid[:10, :10]
    joint = _joint(task, shared)  # picture x word before noise
    answer = np.zeros((10, 10, len(classes)))  # picture x word heard x class
    for place, number in enumerate(rule(picture, word).ravel()):
        image, said = divmod(place, 10)
        answer[image, :, number] += joint[image, said] * text_noise / 10
        answer[image, said, number] += joint[image, said] * (1 - text_noise)
    facts = {
        "bayes_accuracy": answer.max(axis=2).sum(),
        "image_accuracy": answer.sum(axis=1).max(axis=1).sum(),
        "text_accuracy": answer.sum(axis=0).max(axis=1).sum(),
    }
    if task == "xor" and shared == 0:
        facts["additive_accuracy"] = 0.75 - text_noise / 4
    return {name: round(float(value), 9) for name, value in facts.items()}


def _task(task: str) -> tuple[_Rule, tuple[str, ...], float]:
    if task not in DIGIT_TASKS:
        raise BadInputError(
            f"task is {task!r}; digits-words asks one of {', '.join(DIGIT_TASKS)}."
            f"{did_you_mean(str(task), DIGIT_TASKS)}"
        )
    return DIGIT_TASKS[task]


def _check(*, shared: float, text_noise: float, image_noise: float, n: int, seed: int, language: str) -> None:
    for name, value in (("shared", shared), ("text_noise", text_noise)):
        if not 0 <= value <= 1:
            raise BadInputError(f"{name} is {value!r}; expected a chance from 0 to 1.")
    if not 0 <= image_noise <= 10:
        raise BadInputError(f"image_noise is {image_noise!r}; expected 0 to 10 (pixels run from 0 to 1).")
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 20:
        raise BadInputError(f"n is {n!r}; expected a whole number, at least 20 items.")
    if seed < 0:
        raise BadInputError(f"seed is {seed}; expected a whole number of at least 0.")
    if language not in _WORDS:
        raise BadInputError(f"language is {language!r}; the words come in {', '.join(_WORDS)}.")


def _joint(task: str, shared: float) -> NDArray[np.float64]:
    """picture x word: how often each pair of digits is drawn, as `_words` draws it."""
    free = (1 - np.eye(10)) / 9 if task == "match" else np.full((10, 10), 0.1)
    return (shared * np.eye(10) + (1 - shared) * free) / 10


def _words(task: str, digit: NDArray, shared: float, random: np.random.Generator) -> NDArray[np.int64]:
    count = len(digit)
    other = (digit + random.integers(1, 10, count)) % 10
    free = other if task == "match" else random.integers(0, 10, count)
    return np.where(random.random(count) < shared, digit, free)


def _rows(pictures: int, n: int, random: np.random.Generator) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Which picture each item shows, and its part; the pictures of the parts are disjoint."""
    order, first = random.permutation(pictures), 0
    rows: list[NDArray] = []
    parts: list[str] = []
    for name, share in _PARTS:
        last = name == _PARTS[-1][0]
        stop = pictures if last else first + round(share * pictures)
        count = n - len(parts) if last else round(share * n)
        rows.append(random.choice(order[first:stop], count))
        parts += [name] * count
        first = stop
    return np.concatenate(rows), tuple(parts)


@cache
def _drawings() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(item x row x col in 0..1, item): the digits and which digit each is."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as missing:
        raise UnavailableError(
            "The digits come with scikit-learn, which is not installed: pip install scikit-learn."
        ) from missing
    found: Any = load_digits()
    return (found.images / 16).astype(np.float32), found.target.astype(np.int64)


def _source(row: int, noise: float, seed: int, item: int) -> Source:
    named = f"digit {row}" if noise == 0 else f"digit {row} noise {noise} seed {seed} item {item}"
    drawn = partial(_copied, row, noise, seed, item if noise else 0)
    return Source(drawn, partial(content_key, named.encode()))


def _copied(row: int, noise: float, seed: int, item: int) -> Image.Image:
    return _drawn(row, noise, seed, item).copy()


@lru_cache(maxsize=512)
def _drawn(row: int, noise: float, seed: int, item: int) -> Image.Image:
    """White strokes on black, as the digits were scanned."""
    strokes = _drawings()[0][row]
    if noise:
        strokes = strokes + noise * np.random.default_rng((seed, item)).normal(size=strokes.shape)
    grey = (np.clip(strokes, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(grey).resize((_SIDE, _SIDE), Image.Resampling.NEAREST).convert("RGB")


def _code(task: str, options: dict[str, Any], usual: float, n: int, seed: int) -> str:
    usually = {"shared": usual, "text_noise": 0.0, "image_noise": 0.0, "language": "en"}
    given = [f"{name}={value!r}" for name, value in options.items() if value != usually[name]]
    given = [f"task={task!r}", *given, f"n={n}", f"seed={seed}"]
    return f"data.load('digits-words', {', '.join(given)})"
