"""The words of other libraries, a wrong call and a wrong order are answered in ours."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from fakes import FakeEncoder, colour_pairs

from workbench import data, models
from workbench.attribution import attribute
from workbench.capture import capture
from workbench.embedding import embed, embed_pictures, embed_texts
from workbench.errors import BadCallError, BadInputError
from workbench.fusion import compare
from workbench.projection import RankShare, continuity, place, project, project_layers, trustworthiness
from workbench.results import Embeddings
from workbench.zeroshot import classify, retrieve


@pytest.fixture(scope="module")
def clip():
    return models.load("emoji-clip")


FOREIGN = [
    (project, "n_neighbors", "'neighbours'"),
    (project, "random_state", "'seed'"),
    (project, "n_components", "two dimensions"),
    (project, "perplexity", "30"),
    (project, "min_distance", "'min_dist'"),
    (project, "n_epochs", "'epochs'"),
    (project, "init", "'start'"),
    (classify, "candidate_labels", "'labels'"),
    (classify, "hypothesis_template", "'templates'"),
    (embed, "device", r"models\.load"),
    (embed, "batchsize", "'batch_size'"),
    (embed, "images", "'pairs'"),
    (embed_texts, "sentences", "'texts'"),
    (capture, "output_attentions", "leave it out"),
    (capture, "output_hidden_states", "'hidden'"),
    (attribute, "n_steps", "'steps'"),
    (attribute, "target_layer", "'layer'"),
    (attribute, "baselines", "'fill'"),
    (models.load, "pretrained", "ARCH/TAG"),
    (models.load, "torch_dtype", "'dtype'"),
    (models.load, "model_name", "'name'"),
    (models.load, "cache_dir", "HF_HOME"),
    (models.load, "revision", "@REVISION"),
    (retrieve, "top_k", r"\.top\("),
    (trustworthiness, "n_neighbors", "'k'"),
    (compare, "epochs", "'plan'"),
]


@pytest.mark.parametrize(
    ("verb", "option", "said"), FOREIGN, ids=[f"{v.__name__} {o}" for v, o, _ in FOREIGN]
)
def test_the_words_of_other_libraries_are_answered_with_ours(verb, option, said):
    with pytest.raises(BadCallError, match=said) as refused:
        verb(**{option: 1})
    assert isinstance(refused.value, TypeError)


def test_an_option_that_is_handed_on_is_checked_before_anything_is_computed():
    model = FakeEncoder()
    with pytest.raises(BadCallError, match="'neighbours'"):
        project_layers(model, colour_pairs(), n_neighbors=5)
    assert model.pictures_seen == 0


def test_a_hint_names_only_what_the_verb_has():
    from workbench.calling import _unknown
    from workbench.foreign import _MORE, _OURS, _WITHOUT

    for option in {*_OURS, *_MORE, *_WITHOUT}:
        for verb in (project, classify, embed, capture, attribute, models.load, compare, place, retrieve):
            known = inspect.signature(verb).parameters
            said = _unknown(verb.__name__, option, known)
            if "Did you mean '" in said:
                assert said.split("Did you mean '")[1].split("'")[0] in known, said


def test_a_wrong_call_says_how_the_verb_is_called():
    with pytest.raises(BadCallError, match=r"needs 'labels'.*classify\(model, pairs, labels, \.\.\.\)"):
        classify(FakeEncoder(), colour_pairs())
    with pytest.raises(BadCallError, match="by position"):
        project(None, "umap")
    with pytest.raises(BadCallError, match="twice"):
        embed(FakeEncoder(), colour_pairs(), pairs=colour_pairs())
    with pytest.raises(BadCallError, match="from_array"):
        Embeddings(np.eye(3))


def test_a_wrong_order_is_said():
    model, pairs = FakeEncoder(), colour_pairs()
    with pytest.raises(BadInputError, match="the model comes first"):
        embed(pairs, model)
    with pytest.raises(BadInputError, match="the model comes first"):
        embed_pictures(model, model)
    with pytest.raises(BadInputError, match="labels or texts"):
        classify(model, ["red", "blue"], pairs)
    with pytest.raises(BadInputError, match=r"^labels"):
        classify(model, pairs, pairs)


def test_methods_are_found_in_any_case_and_with_any_hyphen(clip):
    made = embed(clip, data.load("emoji")[:20])
    for name, ours in (("t-SNE", "tsne"), ("UMAP", "umap"), ("Pca", "pca"), ("T_SNE", "tsne")):
        drawn = project(made, method=name, seed=0, epochs=5)
        assert drawn.method == drawn.provenance.parameters["method"] == ours
    pair = data.load("emoji")[0]
    assert attribute(clip, pair, method="GradECLIP").method == "grad-eclip"
    with pytest.raises(BadInputError, match="'scikit-learn'") as refused:
        project(made, method="tsne", reducer="sklearn")
    assert "'any'" not in str(refused.value)
    with pytest.raises(BadInputError, match="Did you mean 'umap'"):
        project(made, method="umapp")


def test_trust_has_names_and_stays_a_tuple(clip):
    drawn = project(embed(clip, data.load("emoji")[:20]), method="pca", seed=0)
    for measure in (trustworthiness, continuity):
        found = measure(drawn, k=4)
        value, sample = found
        assert isinstance(found, RankShare) and (found.value, found.sample) == (value, sample) == found[:2]
        assert sample == 40


def test_a_temperature_meant_for_cosines_is_noted():
    model = FakeEncoder()
    model.scale = 100.0
    told = classify(model, colour_pairs(), ["red", "blue"], temperature=0.01).provenance.notes
    assert any("10,000" in note and "saturated" in note for note in told)
    for usual in (1.0, 0.5, 2.0):
        notes = classify(model, colour_pairs(), ["red", "blue"], temperature=usual).provenance.notes
        assert not any("saturated" in note for note in notes)
