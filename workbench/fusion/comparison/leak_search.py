"""Ways in which a comparison could be won without learning: looked for before it, said on its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.data.examples import Examples, Tokens
from workbench.formatting import one_line, plural
from workbench.fusion.leaks import Kind, Leak, cut_words, named_by_file
from workbench.fusion.near_duplicates import near_texts, twins

__all__ = ["Suspicion", "find_leaks"]

_MOST_TESTED = 2000  # pictures of the test rows that are looked up among those of train
_SOME, _MANY = (
    0.01,
    0.1,
)  # shares of the test rows, from which rows in two parts are told in red; see `_grave`
_NAMES, _RIGHTLY = (
    0.5,
    0.8,
)  # share of texts that name one class, their own; and of those that name one at all
_FEW = 30  # pictures of the test rows, below which the rows look like more than they are
_WIDE = 4  # numbers of a row that chance does not repeat
_CODES = 16  # pictures that are no more than so many different ones are codes of something, not pictures

Rows = Mapping[str, NDArray[np.int64]]
Beat = Callable[[], None]


@dataclass
class Suspicion:
    """What was found: leaks, told in red, and notes on what was looked at and is none."""

    leaks: list[Leak] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Search:
    """Examples with the rows that are trained and tested on, and the chance line."""

    examples: Examples
    rows: Rows

    @property
    def labels(self) -> NDArray[np.int64]:
        return self.examples.labels

    @property
    def chance(self) -> float:
        usual = np.bincount(self.labels[self.rows["train"]]).argmax()
        return float((self.labels[self.rows["test"]] == usual).mean())

    def right(self, rows: NDArray[np.int64], keys: NDArray[np.int64], known: NDArray[np.int64]) -> float:
        """Share of `rows` answered rightly with the usual label that their key has in training; NaN of none.

        `keys` is one a row of `rows`, `known` one a training row.
        """
        said: dict[int, Counter[int]] = {}
        for key, label in zip(known.tolist(), self.labels[self.rows["train"]].tolist(), strict=True):
            said.setdefault(key, Counter())[label] += 1
        answers = [said[key].most_common(1)[0][0] for key in keys.tolist()]
        return float(np.mean(np.array(answers) == self.labels[rows])) if len(rows) else float("nan")


def find_leaks(examples: Examples, rows: Rows, beat: Beat = lambda: None) -> Suspicion:
    """Leaks among the rows that a comparison uses, the gravest first.

    Args:
        rows: "train", "validation", "test" to item numbers; all with a label.
        beat: called between steps; may cancel.
    """
    search, found = _Search(examples, rows), Suspicion(list(examples.meta.get("leaks", ())))
    if examples.pairs is not None:
        _texts_that_tell(search, found)
    shared = _same_pictures(search, found)
    beat()
    if examples.looks is not None:
        _near_pictures(search, found, beat)
    if examples.pairs is not None:
        beat()
        _same_texts(search, found, shared)
    read = ("image",) if examples.pairs is None else ("image", "text")  # those were looked at as such
    for name, tokens in examples.modalities.items():
        if name not in read:
            _same_tokens(search, found, name, tokens)
    return found


# What a text gives away ----------------------------------------------------------------------


def _texts_that_tell(search: _Search, found: Suspicion) -> None:
    """Texts, other than file names, that hold the name of their own class and of no other."""
    pairs, test = search.examples.pairs, search.rows["test"]
    named = named_by_file(pairs.sources, pairs.texts)
    if named.any():
        count = f"{int(named.sum()):,} of {plural(len(named), 'row')}"
        found.notes.append(f"text: of {count} it is the name of the picture's file")
    classes = {_stems(name): place for place, name in enumerate(search.examples.classes) if _stems(name)}
    sizes = sorted({len(name) for name in classes})
    said = [set() if named[row] else _runs(_stems(pairs.texts[row]), sizes) for row in test.tolist()]
    held = [{classes[run] for run in runs & classes.keys()} for runs in said]
    alone = np.array([held[k] == {int(search.labels[row])} for k, row in enumerate(test.tolist())])
    one = sum(len(places) == 1 for places in held)
    if alone.mean() < _NAMES or alone.sum() < _RIGHTLY * one:
        return
    first = int(test[np.flatnonzero(alone)[0]])
    text, name = one_line(pairs.texts[first], most=40), search.examples.classes[search.labels[first]]
    found.leaks.append(
        Leak(
            "text", "named class", int(alone.sum()), len(test), 1.0, search.chance,
            f"text: {int(alone.sum()):,} of {len(test):,} test texts name their own class and no other "
            f"({text!r} is of {name!r}; chance is {search.chance:.0%}). A fusion that reads text reads the "
            "answer. If that is not what you mean to measure, take the names out of the texts.",
        )
    )  # fmt: skip


def _stem(word: str) -> str:
    """Without the s of English plurals: the folder "cats" holds cat.0.jpg."""
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def _stems(text: str) -> tuple[str, ...]:
    return tuple(map(_stem, cut_words(text)))


def _runs(words: Sequence[str], sizes: Sequence[int]) -> set[tuple[str, ...]]:
    """Every run of so many words, one after the other."""
    return {tuple(words[at : at + size]) for size in sizes for at in range(len(words) - size + 1)}


# What stands in two parts of the data ----------------------------------------------------------


def _picture_keys(examples: Examples) -> NDArray[np.int64] | None:
    """item: a number, the same for the same picture; None where nothing is known of pictures."""
    if examples.pairs is not None:
        return np.unique(np.array(examples.pairs.keys), return_inverse=True)[1]
    image = examples.modalities.get("image")
    if image is None:
        return None
    keys = _token_keys(image)
    return keys if len(np.unique(keys)) > _CODES else None


def _token_keys(tokens: Tokens) -> NDArray[np.int64]:
    """item: a number, the same for the same tokens; each item without any has one of its own."""
    flat = np.where(tokens.mask[..., None], tokens.values, 0).reshape(len(tokens), -1)
    rows = np.ascontiguousarray(np.concatenate([flat, tokens.mask], axis=1))
    raw = rows.view(f"V{rows.dtype.itemsize * rows.shape[1]}").ravel()
    keys = np.unique(raw, return_inverse=True)[1]
    return np.where(tokens.present, keys, -1 - np.arange(len(keys)))


def _same_pictures(search: _Search, found: Suspicion) -> NDArray[np.int64]:
    """Test rows whose picture was trained on."""
    keys = _picture_keys(search.examples)
    if keys is None:
        return np.zeros(0, np.int64)
    train = keys[search.rows["train"]]
    shown, count = len(np.unique(keys[search.rows["test"]])), len(search.rows["test"])
    if shown < min(_FEW, count):
        found.notes.append(
            f"the {count:,} test rows show {plural(shown, 'picture')}: so few say little of others"
        )
    there = {part: np.isin(keys[search.rows[part]], train) for part in ("validation", "test")}
    shared = search.rows["test"][there["test"]]
    if there["test"].any() or there["validation"].any():
        _tell_shared(
            search, found, "image", "same pictures", shared, keys[shared], train,
            f"{_count(search, there)} show a picture that is in train too",
            "Keep all rows of one picture in one part: without the column 'split' that is done for you.",
        )  # fmt: skip
    return shared


def _near_pictures(search: _Search, found: Suspicion, beat: Beat) -> None:
    keys = _picture_keys(search.examples)
    looks = search.examples.looks
    assert keys is not None and looks is not None  # looks come with pictures
    known, first = np.unique(keys[search.rows["train"]], return_index=True)
    theirs = looks[search.rows["train"][first]]
    twin: dict[str, NDArray[np.int64]] = {}
    for part in ("validation", "test"):
        rows = search.rows[part]
        numbers, where, back = np.unique(keys[rows], return_index=True, return_inverse=True)
        chosen = np.flatnonzero(~np.isin(numbers, known))
        if len(chosen) > _MOST_TESTED:
            chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:_MOST_TESTED])
        place = np.full(len(numbers), -1, np.int64)
        place[chosen] = twins(looks[rows[where[chosen]]], theirs, beat)
        twin[part] = place[back]
    there = {part: place >= 0 for part, place in twin.items()}
    if not there["test"].any() and not there["validation"].any():
        return
    near = search.rows["test"][there["test"]]
    _tell_shared(
        search, found, "image", "near duplicates", near, known[twin["test"][there["test"]]],
        keys[search.rows["train"]],
        f"{_count(search, there)} show a picture nearly the same as one in train (at 12 x 12 pixels, "
        "be it mirrored or turned)",
        "Put pictures that belong together into one part: without the column 'split' that is done for you.",
    )  # fmt: skip


def _same_texts(search: _Search, found: Suspicion, shared: NDArray[np.int64]) -> None:
    """Long texts that are mostly written once, and stand on both sides."""
    texts = search.examples.pairs.texts
    train = search.rows["train"]
    words = {row: cut_words(texts[row]) for rows in search.rows.values() for row in rows.tolist()}
    keys = {text: number for number, text in enumerate(dict.fromkeys(words[row] for row in train.tolist()))}
    if len(keys) < len(train) / 2:
        return
    known = list(keys)
    twin = {
        part: near_texts([words[row] for row in search.rows[part].tolist()], known)
        for part in ("validation", "test")
    }
    there = {part: (twin[part] >= 0) & ~np.isin(search.rows[part], shared) for part in twin}
    if not there["test"].any():
        return
    _tell_shared(
        search, found, "text", "same rows", search.rows["test"][there["test"]], twin["test"][there["test"]],
        np.array([keys[words[row]] for row in train.tolist()]),
        f"{_count(search, there)} have a text of eight words or more that is in train too, to a word or so",
        "Put rows that belong together into one part of a column 'split'.",
    )  # fmt: skip


def _same_tokens(search: _Search, found: Suspicion, name: str, tokens: Tokens) -> None:
    """Rows of a modality in hand that are mostly there once, and stand on both sides.

    Of fewer numbers than four a row may be there twice by chance.
    """
    keys = _token_keys(tokens)
    train = keys[search.rows["train"]]
    if tokens.values[0].size < _WIDE or len(np.unique(train)) < len(train) / 2:
        return
    there = {part: np.isin(keys[search.rows[part]], train) for part in ("validation", "test")}
    if not there["test"].any():
        return
    shared = search.rows["test"][there["test"]]
    _tell_shared(
        search, found, name, "same rows", shared, keys[shared], train,
        f"{_count(search, there)} have the very numbers of a row in train",
        "Put rows that belong together into one part of `split`.",
    )  # fmt: skip


def _count(search: _Search, there: Mapping[str, NDArray[np.bool_]]) -> str:
    """ "50 of 50 test rows and 3 of 40 validation rows"."""
    return " and ".join(
        f"{int(there[part].sum()):,} of {len(search.rows[part]):,} {part} rows"
        for part in ("test", "validation")
    )


def _tell_shared(
    search: _Search,
    found: Suspicion,
    modality: str,
    kind: Kind,
    rows: NDArray[np.int64],
    keys: NDArray[np.int64],
    known: NDArray[np.int64],
    what: str,
    advice: str,
) -> None:
    """A leak of rows in two parts; a note where they are too few to matter."""
    right = search.right(rows, keys, known)
    by_heart = (
        f"; the label that it had there is right for {right:.0%} of those tested (chance {search.chance:.0%})"
    )
    said = f"{modality}: {what}{by_heart if len(rows) else ''}."
    if not _grave(search, kind, len(rows), right):
        found.notes.append(said)
        return
    more = f" What is known by heart says nothing of new data. {advice}"
    tested = len(search.rows["test"])
    found.leaks.append(Leak(modality, kind, len(rows), tested, right, search.chance, said + more))


def _grave(search: _Search, kind: Kind, rows: int, right: float) -> bool:
    """Whether test rows that were met before can win a comparison.

    The same pictures can if they are a hundredth of the rows, or if their old labels answer more than chance
    (by two standard errors). What is only alike can if both hold, or if it is a tenth.
    """
    share = rows / len(search.rows["test"])
    error = np.sqrt(search.chance * (1 - search.chance) / max(1, rows))
    telling = rows > 0 and right > search.chance + 2 * error
    if kind == "same pictures":
        return bool(share >= _SOME or telling)
    return bool(share >= _MANY or (share >= _SOME and telling))
