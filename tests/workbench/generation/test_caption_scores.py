"""BLEU and CIDEr-D against their papers' equations in exact fractions, and what stands beside each score."""

from __future__ import annotations

import math
import pickle
import random
from fractions import Fraction

import numpy as np
import pytest

from workbench import data, models
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import BadInputError
from workbench.generation import (
    MEASURES,
    CaptionScores,
    open_caption_scores,
    open_truth,
    score_captions,
    truth_shares,
)
from workbench.generation.captions.bleu_and_cider import (
    bleu,
    cider_d,
    document_frequency,
    has_characters,
    tokens_of,
)

WORDS = ("a", "red", "blue", "small", "star", "circle", "above", "and", "of", "to")
SHAPES = data.load("shapes", n=60)


# Oracles, written from the papers and in another way: fractions, explicit positions, no Counter --------


def _grams(tokens, n):
    return [tuple(tokens[k : k + n]) for k in range(len(tokens) - n + 1)]


def _bleu_by_hand(texts, references, longest):
    precisions, c, r = [], 0, 0
    for n in range(1, longest + 1):
        matched = total = 0
        for text, group in zip(texts, references, strict=True):
            grams = _grams(text, n)
            total += len(grams)
            for gram in dict.fromkeys(grams):
                matched += min(grams.count(gram), max(_grams(one, n).count(gram) for one in group))
        precisions.append(Fraction(matched, total))
    for text, group in zip(texts, references, strict=True):
        c += len(text)
        r += sorted((abs(len(one) - len(text)), len(one)) for one in group)[0][1]
    penalty = 1.0 if c >= r else math.exp(1 - r / c)
    product = math.prod(precisions)
    return penalty * float(product) ** (1 / longest)


def _cider_by_hand(text, group, corpus):
    """As the vectors of the paper: one dimension for each n-gram that occurs anywhere."""
    total = 0.0
    for n in (1, 2, 3, 4):
        known = sorted({gram for one in [text, *group] for gram in _grams(one, n)})
        idf = [
            math.log(
                len(corpus) / max(1, sum(any(gram in _grams(one, n) for one in refs) for refs in corpus))
            )
            for gram in known
        ]
        own = np.array([_grams(text, n).count(gram) for gram in known], float) * idf
        for one in group:
            other = np.array([_grams(one, n).count(gram) for gram in known], float) * idf
            lengths = np.sqrt((own**2).sum() * (other**2).sum())
            if lengths > 0:
                gap = (len(text) - len(one)) ** 2
                total += math.exp(-gap / 72) * float(np.minimum(own, other) @ other) / lengths / len(group)
    return 10 * total / 4


def _drawn(count, seed):
    chance = random.Random(seed)

    def sentence():
        return [chance.choice(WORDS) for _ in range(chance.randint(1, 9))]

    texts = [[*sentence(), "a", "red"] for _ in range(count)]
    return texts, [[sentence() for _ in range(chance.randint(1, 4))] for _ in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_bleu_is_the_papers(seed):
    texts, references = _drawn(40, seed)
    for n, value in enumerate(bleu(texts, references), start=1):
        assert value == pytest.approx(_bleu_by_hand(texts, references, n), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_cider_d_is_the_papers(seed):
    texts, references = _drawn(40, seed)
    found = cider_d(texts, references, document_frequency(references), len(references))
    wanted = [_cider_by_hand(text, group, references) for text, group in zip(texts, references, strict=True)]
    assert max(wanted) > 1
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_bleu_of_the_papers_own_examples():
    """Papineni et al., examples 1 and 2: p1 of the candidates, and the clipped 'the the the'."""
    references = [
        "It is a guide to action that ensures that the military will forever heed Party commands",
        "It is the guiding principle which guarantees the military forces always being under the command of the Party",
        "It is the practical guide for the army always to heed the directions of the party",
    ]
    first = "It is a guide to action which ensures that the military always obeys the commands of the party"
    second = "It is to insure the troops forever hearing the activity guidebook that party direct"
    group = [[tokens_of(one) for one in references]]
    assert bleu([tokens_of(first)], group)[0] == pytest.approx(17 / 18)
    short = math.exp(1 - 16 / 14)
    assert bleu([tokens_of(second)], group)[0] == pytest.approx(short * 8 / 14)
    cat = [[tokens_of("The cat is on the mat"), tokens_of("There is a cat on the mat")]]
    assert bleu([tokens_of("the the the the the the the")], cat)[0] == pytest.approx(2 / 7)


def test_bleu_at_its_edges():
    assert bleu([["a"]], [[["a"]]])[0] == 1.0
    assert np.isnan(bleu([["a"]], [[["a"]]])[1:]).all()  # no text has two words
    assert bleu([["a", "b", "c", "d"]], [[["d", "c", "b", "a"]]]) == [1.0, 0.0, 0.0, 0.0]
    # of two references equally near in length the shorter counts, so nothing is taken off
    assert bleu([list("abc")], [[list("ab"), list("abcd")]])[0] == 1.0
    assert bleu([list("abc")], [[list("abcd")]])[0] == pytest.approx(math.exp(1 - 4 / 3))


def test_cider_d_by_hand():
    """Four pictures: 'a' is in all (idf 0), 'x' in one (ln 4). One word in common, lengths alike."""
    references = [[["a", "x"]], [["a", "y"]], [["a", "z"]], [["a", "w"]]]
    frequency = document_frequency(references)
    texts = [["a", "x"], ["x", "a"], ["a", "y"], ["a", "x", "x"]]
    held = [[["a", "x"]]] * 4
    found = cider_d(texts, held, frequency, 4)
    ln4 = math.log(4)
    # unigrams: only x weighs; bigrams: one, of weight ln 4; no 3- or 4-grams
    gap = math.exp(-1 / 72)
    one_too_many = gap * (ln4 * ln4) / (2 * ln4 * ln4) + gap * (ln4 * ln4) / (math.sqrt(2) * ln4 * ln4)
    np.testing.assert_allclose(found, np.array([2, 1, 0, one_too_many]) * 10 / 4, rtol=1e-12)


def test_tokens():
    assert tokens_of("A small, RED star's don't—stop.") == ["a", "small", "red", "star's", "don't", "stop"]
    assert tokens_of("一个小的red星形。") == ["一", "个", "小", "的", "red", "星", "形"]
    assert tokens_of("naïve Émile 42") == ["naïve", "émile", "42"]
    assert has_characters("a 星") and not has_characters("a star")


# The verb -------------------------------------------------------------------------------------------


def test_true_captions_score_at_the_top_and_shuffled_ones_at_chance():
    scores = score_captions(SHAPES.texts, SHAPES.texts, scenes=SHAPES.columns["scene"])
    assert [score.name for score in scores.scores] == [
        "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "CIDEr-D", "exact",
    ]  # fmt: skip
    for score in scores.scores:
        # Captions of one thing have three 3-grams and two 4-grams, so no measure lacks n-grams here.
        assert score.value == pytest.approx(10 if score.name == "CIDEr-D" else 1) and score.n == 60
        assert 0 <= score.chance < 0.7 * score.value
    assert scores.truth.exact.value == 1 and scores["exact"].each.sum() == 60
    assert dict(scores.left_out).keys() == {"CLIPScore"}
    assert scores.notes == (
        "BLEU and CIDEr-D count words in lower case, without punctuation",
        "CIDEr-D's idf is of the references scored, 60 pictures",
    )


def test_bleu_prefers_what_is_false():
    """One colour of a caption exchanged costs less than the same things in another order."""
    true = "a large blue square and a small red star"
    false = "a small red star and a large green square"
    said = ["a small red star and a large blue square"]
    value = {text: score_captions([text], said, measures="BLEU")["BLEU-4"].value for text in (true, false)}
    assert value[false] > value[true]


def test_several_references_and_an_idf_of_another_set():
    groups = [[text, f"there is {text}"] for text in SHAPES.texts]
    scores = score_captions(SHAPES.texts[:5], groups[:5], idf=SHAPES.texts)
    assert scores.idf == "the references given as idf, 60 pictures"
    frequency = document_frequency([[tokens_of(text)] for text in SHAPES.texts])
    texts = [tokens_of(text) for text in SHAPES.texts[:5]]
    held = [[tokens_of(one) for one in group] for group in groups[:5]]
    np.testing.assert_array_equal(scores["CIDEr-D"].each, cider_d(texts, held, frequency, 60))


def test_cider_d_is_refused_on_few_pictures():
    few = SHAPES.texts[:49]
    scores = score_captions(few, few)
    reason = dict(scores.left_out)["CIDEr-D"]
    assert "49 pictures cannot say" in reason and "50" in reason and "idf=" in reason
    with pytest.raises(BadInputError, match=r"no score 'CIDEr-D' here. It was not computed: .*49 pictures"):
        scores["CIDEr-D"]
    with pytest.raises(BadInputError, match="49 pictures cannot say"):
        score_captions(few, few, measures=["CIDEr-D"])
    assert score_captions(SHAPES.texts[:50], SHAPES.texts[:50], measures=["CIDEr-D"])["CIDEr-D"].value > 9.9


def test_chinese_is_counted_by_characters():
    said = SHAPES.columns["caption_zh"]
    scores = score_captions(said, said)
    assert scores.tokens == "characters" and scores.notes[0] == "BLEU and CIDEr-D count characters"
    mixed = score_captions([said[0], SHAPES.texts[1]], [said[0], SHAPES.texts[1]])
    assert mixed.tokens.endswith("characters where there are no spaces")


def test_clip_score_is_its_equation_with_its_model_and_prefix():
    model = models.load("shapes-clip")
    few = SHAPES[:20]
    scores = score_captions(few.texts, few.texts, pictures=few, model=model, prefix="a picture of")
    words = embed_texts(model, [f"a picture of {text}" for text in few.texts]).astype(float)
    cosine = (embed_pictures(model, few).astype(float) * words).sum(axis=1)
    np.testing.assert_allclose(scores["CLIPScore"].each, 2.5 * np.maximum(cosine, 0), rtol=1e-12)
    assert scores["CLIPScore"].value > 2 * scores["CLIPScore"].chance
    assert scores.provenance.model == "shapes-clip" and scores.provenance.weights == model.weights_hash
    assert "CLIPScore by shapes-clip, 2.5 * max(cosine, 0), prefix 'a picture of'" in scores.notes
    plain = score_captions(few.texts, few.texts, pictures=few, model=model)
    assert plain.provenance.parameters["prefix"] == "A photo depicts"
    assert plain["CLIPScore"].value != scores["CLIPScore"].value
    with pytest.raises(BadInputError, match="20 texts and 19 pictures"):
        score_captions(few.texts, few.texts, pictures=few[:19], model=model)


@pytest.mark.parametrize(
    ("texts", "references", "options", "message"),
    [
        ([], [], {}, "one picture at least"),
        (["a"], ["a", "b"], {}, "1 text and references of 2 pictures"),
        (["a"], [[]], {}, "picture 0 has none"),
        (["a"], [5], {}, "references of picture 0"),
        (["a"], ["a"], {"measures": ["BLUE"]}, "no measure 'BLUE'. Did you mean 'BLEU'"),
        (["a"], ["a"], {"measures": ["truth"]}, "Exact truth needs scenes="),
        (["a"], ["a"], {"measures": "CLIPScore"}, "CLIPScore needs model= and pictures="),
    ],
)
def test_what_cannot_be_scored_is_said(texts, references, options, message):
    with pytest.raises(BadInputError, match=message.replace("(", r"\(")):
        score_captions(texts, references, **options)


def test_the_same_seed_deals_alike_and_no_shuffle_has_no_chance():
    one, two = (score_captions(SHAPES.texts, SHAPES.texts, seed=4) for _ in range(2))
    assert [score.chance for score in one.scores] == [score.chance for score in two.scores]
    other = score_captions(SHAPES.texts, SHAPES.texts, seed=5)
    assert [score.chance for score in one.scores] != [score.chance for score in other.scores]
    assert all(np.isnan(s.chance) for s in score_captions(SHAPES.texts, SHAPES.texts, shuffles=0).scores)


def test_results_say_what_they_are_are_read_only_and_pickle():
    scores = score_captions(SHAPES.texts, SHAPES.texts, scenes=SHAPES.columns["scene"])
    assert repr(scores).startswith("CaptionScores(60 captions: BLEU-1 1.000 (chance ")
    assert "<table" in scores._repr_html_() and "CIDEr-D" in scores._repr_html_()
    with pytest.raises(ValueError, match="read-only"):
        scores["exact"].each[0] = 0
    again = pickle.loads(pickle.dumps(scores))
    assert isinstance(again, CaptionScores) and repr(again) == repr(scores)
    assert set(MEASURES) == {"BLEU", "CIDEr-D", "truth", "CLIPScore"}


def test_what_was_scored_is_kept_and_comes_back_as_it_was(tmp_path):
    scores = score_captions(SHAPES.texts, SHAPES.texts, scenes=SHAPES.columns["scene"])
    again = open_caption_scores(scores.save(tmp_path / "scores"))
    assert repr(again.scores) == repr(scores.scores) and again.left_out == scores.left_out
    assert again.truth == scores.truth and again.notes == scores.notes and again.idf == scores.idf
    np.testing.assert_array_equal(again["CIDEr-D"].each, scores["CIDEr-D"].each)
    shares = truth_shares(["a red star and a dog", "a large blue square"], SHAPES.columns["scene"][:2])
    found = open_truth(shares.save(tmp_path / "truth"))
    assert found.verdicts == shares.verdicts and repr(found) == repr(shares)
    with pytest.raises(BadInputError, match="open_truth"):
        open_caption_scores(tmp_path / "truth")
