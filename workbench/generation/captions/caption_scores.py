"""`score_captions`: what captions are scored by in the field, each score beside its chance."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.axes import frozen
from workbench.calling import verb
from workbench.errors import BadInputError, did_you_mean
from workbench.formatting import html_table, plural
from workbench.generation.captions.bleu_and_cider import (
    LONGEST,
    bleu,
    cider_d,
    document_frequency,
    has_characters,
    tokens_of,
)
from workbench.generation.captions.truth import TruthShares, dealt, truth_shares
from workbench.keeping import Form, Kept
from workbench.portable import Portable
from workbench.provenance import Provenance
from workbench.values import as_sentences, sentences_of

__all__ = ["MEASURES", "CaptionScores", "Score", "score_captions"]

MEASURES = ("BLEU", "CIDEr-D", "truth", "CLIPScore")
_FEWEST = 50  # pictures of an idf: below, whether a word is rare is a matter of chance
_CLIP_WEIGHT = 2.5

Groups = list[list[list[str]]]


@dataclass(frozen=True, eq=False)
class Score(Portable):
    """One score of a set of captions.

    Shapes:
        each: caption; None where the score is of the whole set, as BLEU's is

    Attributes:
        name: as the field calls it.
        value: of the captions, each with its own picture.
        n: captions scored.
        chance: the same where the captions are dealt to other pictures; NaN where it was not asked.
    """

    name: str
    value: float
    n: int
    chance: float
    each: NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        return f"Score({self.name} {self.value:.3f}, chance {self.chance:.3f}, n {self.n:,})"


@dataclass(frozen=True, eq=False)
class CaptionScores(Kept):
    """Scores of captions, each with its number of captions and its chance.

    Attributes:
        scores: one `Score` each, in their order; `scores["CIDEr-D"]` by name is `result["CIDEr-D"]`.
        truth: held against the scenes, where they were given; else None.
        tokens: what BLEU and CIDEr-D count.
        idf: which set says how rare an n-gram is, with its size; "" where CIDEr-D was not computed.
        left_out: (measure, why) of what could not be computed.
        provenance: the model of CLIPScore, its prefix and weight, the settings.
    """

    _form: ClassVar[Form] = Form(
        "caption_scores", "caption scores", "workbench.generation.open_caption_scores"
    )

    scores: tuple[Score, ...]
    truth: TruthShares | None
    tokens: str
    idf: str
    left_out: tuple[tuple[str, str], ...]
    provenance: Provenance = field(default_factory=lambda: Provenance("score_captions"))

    def __getitem__(self, name: str) -> Score:
        for score in self.scores:
            if score.name == name:
                return score
        reason = dict(self.left_out).get(name)
        known = [score.name for score in self.scores]
        why = f" It was not computed: {reason}" if reason else did_you_mean(name, known)
        raise BadInputError(f"There is no score {name!r} here.{why} Scores: {', '.join(known)}.")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know, one sentence each."""
        return self.provenance.notes

    def __repr__(self) -> str:
        told = [f"{score.name} {score.value:.3f} (chance {score.chance:.3f})" for score in self.scores]
        count = plural(self.scores[0].n, "caption") if self.scores else "nothing"
        return f"CaptionScores({count}: {', '.join(told)})"

    def _repr_html_(self) -> str:
        rows = [(s.name, f"{s.value:.3f}", f"{s.chance:.3f}", f"{s.n:,}") for s in self.scores]
        return html_table("; ".join(("Captions", *self.notes)), ("score", "value", "chance", "n"), rows)


@verb
def score_captions(
    texts: Any,
    references: Any,
    *,
    scenes: Any = None,
    pictures: Any = None,
    model: Any = None,
    measures: Sequence[str] | None = None,
    idf: Any = None,
    prefix: str = "A photo depicts",
    shuffles: int = 5,
    seed: int = 0,
) -> CaptionScores:
    """BLEU-1 to 4, CIDEr-D, exact truth and CLIPScore of captions, each beside shuffled captions.

    BLEU and CIDEr-D count words in lower case without punctuation. A language written without spaces is
    counted by characters; its figures stand beside others by characters only.

    Args:
        texts: one caption a picture.
        references: what people wrote of each picture: a text, or a list of texts.
        scenes: `Scene`s of drawn pictures, for exact truth.
        pictures: the pictures, for CLIPScore: `Pairs` or whatever `embed` takes.
        model: a dual encoder, for CLIPScore.
        measures: some of "BLEU", "CIDEr-D", "truth", "CLIPScore"; None takes all that can be computed and
            says in `left_out` why others could not. One that is named must be computable.
        idf: references of another set of pictures, to take CIDEr-D's idf from; None takes `references`.
        prefix: put before each caption for CLIPScore.
        shuffles: how often the captions are dealt anew for the chance; 0 leaves it out.
        seed: of the dealing.

    Returns:
        `CaptionScores`.

    Raises:
        BadInputError: not one group of references a caption, none at all, a measure that there is not, or one
            asked by name for which something is missing: fewer than 50 pictures in CIDEr-D's idf set.

    Source: Papineni et al. 2002 (BLEU); Vedantam et al. 2015 (CIDEr-D); Hessel et al. 2021, "CLIPScore".

    Example:
        >>> from workbench import data
        >>> from workbench.generation import score_captions
        >>> shapes = data.load("shapes", n=60)
        >>> scores = score_captions(shapes.texts, shapes.texts, scenes=shapes.columns["scene"])
        >>> [f"{scores[name].value:.2f}" for name in ("BLEU-4", "CIDEr-D", "exact")]
        ['1.00', '10.00', '1.00']
    """
    said, groups = as_sentences(texts), _grouped(references)
    if not said or len(said) != len(groups):
        raise BadInputError(
            f"{plural(len(said), 'text')} and references of {plural(len(groups), 'picture')}; expected one "
            "caption and its references for each picture, and one picture at least."
        )
    missing = _missing(groups, scenes, pictures, model, idf)
    wanted = _wanted(measures, missing)
    deals = dealt(len(said), shuffles, seed)
    cut = [tokens_of(text) for text in said]
    held = [[tokens_of(one) for one in group] for group in groups]
    scores: list[Score] = []
    shares, rarity = None, ""
    if "BLEU" in wanted:
        scores += _bleu(cut, held, deals)
    if "CIDEr-D" in wanted:
        rarity, score = _cider(cut, held, idf, deals)
        scores.append(score)
    if "truth" in wanted:
        shares = truth_shares(said, scenes, shuffles=shuffles, seed=seed)
        exact = np.array([one.exact for one in shares.verdicts], float)
        scores.append(
            Score("exact", shares.exact.value, len(said), shares.exact.chance, frozen(exact, float))
        )
    if "CLIPScore" in wanted:
        scores.append(_clip_score(said, pictures, model, prefix, deals))
    tokens = _tokens(said)
    parameters = {"prefix": prefix, "weight": _CLIP_WEIGHT, "shuffles": shuffles, "measures": list(wanted)}
    name = model.card.name if "CLIPScore" in wanted else ""
    notes = _notes(tokens, rarity, name, prefix, wanted)
    where = Provenance(
        "score_captions",
        model=name,
        weights=model.weights_hash if name else "",
        parameters=parameters,
        seed=seed,
        notes=notes,
    )
    left = tuple(
        (measure, missing[measure]) for measure in MEASURES if measure not in wanted and missing[measure]
    )
    return CaptionScores(tuple(scores), shares, tokens, rarity, left, where)


def _grouped(references: Any) -> list[list[str]]:
    """One list of texts a picture."""
    groups = []
    for place, group in enumerate(sentences_of(references, what="references")):
        texts = as_sentences(group, what=f"references of picture {place}")
        if not texts:
            raise BadInputError(f"references: picture {place} has none; expected one at least.")
        groups.append(texts)
    return groups


def _missing(groups: list[list[str]], scenes: Any, pictures: Any, model: Any, idf: Any) -> dict[str, str]:
    """What stands in the way of each measure; "" where nothing does."""
    count = len(groups if idf is None else _grouped(idf))
    few = (
        f"CIDEr-D takes from a set of pictures how rare an n-gram is, and {plural(count, 'picture')} cannot "
        f"say: give at least {_FEWEST}, or references of a larger set as idf=."
    )
    return {
        "BLEU": "",
        "CIDEr-D": few if count < _FEWEST else "",
        "truth": "exact truth needs scenes=, which drawn pictures have." if scenes is None else "",
        "CLIPScore": ""
        if model is not None and pictures is not None
        else "CLIPScore needs model= and pictures=.",
    }


def _wanted(measures: Sequence[str] | None, missing: dict[str, str]) -> list[str]:
    if measures is None:
        return [measure for measure in MEASURES if not missing[measure]]
    asked = [measures] if isinstance(measures, str) else list(measures)
    for measure in asked:
        if measure not in MEASURES:
            raise BadInputError(
                f"There is no measure {measure!r}.{did_you_mean(str(measure), MEASURES)} Measures: "
                f"{', '.join(MEASURES)}."
            )
        if missing[measure]:
            raise BadInputError(missing[measure][0].upper() + missing[measure][1:])
    return [measure for measure in MEASURES if measure in asked]


def _bleu(cut: list[list[str]], held: Groups, deals: list[list[int]]) -> list[Score]:
    values = bleu(cut, held)
    chance = [bleu([cut[k] for k in deal], held) for deal in deals]
    means = np.mean(chance, axis=0) if chance else np.full(LONGEST, np.nan)
    return [Score(f"BLEU-{n + 1}", values[n], len(cut), float(means[n])) for n in range(LONGEST)]


def _cider(cut: list[list[str]], held: Groups, idf: Any, deals: list[list[int]]) -> tuple[str, Score]:
    rare_in = held if idf is None else [[tokens_of(one) for one in group] for group in _grouped(idf)]
    score = functools.partial(
        cider_d, references=held, frequency=document_frequency(rare_in), pictures=len(rare_in)
    )
    each = score(cut)
    chance = [score([cut[k] for k in deal]).mean() for deal in deals]
    whose = "the references scored" if idf is None else "the references given as idf"
    told = f"{whose}, {plural(len(rare_in), 'picture')}"
    value = float(np.mean(chance)) if chance else float("nan")
    return told, Score("CIDEr-D", float(each.mean()), len(cut), value, frozen(each, float))


def _clip_score(said: list[str], pictures: Any, model: Any, prefix: str, deals: list[list[int]]) -> Score:
    """2.5 * max(cosine, 0), whose mean over pictures is the score.

    Source: Hessel et al. 2021, "CLIPScore: a reference-free evaluation metric for image captioning", 3.
    """
    from workbench.embedding import embed_pictures, embed_texts

    words = embed_texts(model, [f"{prefix} {text}".strip() for text in said]).astype(float)
    seen = embed_pictures(model, pictures).astype(float)
    if len(seen) != len(words):
        raise BadInputError(
            f"{plural(len(words), 'text')} and {plural(len(seen), 'picture')}; expected a caption a picture."
        )
    each = _CLIP_WEIGHT * np.maximum((words * seen).sum(axis=1), 0)
    chance = [_CLIP_WEIGHT * np.maximum((words[deal] * seen).sum(axis=1), 0).mean() for deal in deals]
    value = float(np.mean(chance)) if chance else float("nan")
    return Score("CLIPScore", float(each.mean()), len(said), value, frozen(each, float))


def _tokens(said: list[str]) -> str:
    by_character = sum(map(has_characters, said))
    words = "words in lower case, without punctuation"
    if by_character == 0:
        return words
    return "characters" if by_character == len(said) else f"{words}; characters where there are no spaces"


def _notes(tokens: str, rarity: str, name: str, prefix: str, wanted: list[str]) -> tuple[str, ...]:
    notes = [f"BLEU and CIDEr-D count {tokens}"] if {"BLEU", "CIDEr-D"} & set(wanted) else []
    if rarity:
        notes.append(f"CIDEr-D's idf is of {rarity}")
    if name:
        notes.append(f"CLIPScore by {name}, {_CLIP_WEIGHT} * max(cosine, 0), prefix {prefix!r}")
    return tuple(notes)
