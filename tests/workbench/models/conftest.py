"""Tiny random models of every family, built from configurations; the network is shut."""

from __future__ import annotations

import io
import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import sentencepiece
import torch
import transformers as hf
from PIL import Image
from safetensors.torch import save_file

from tests import writer_folders
from workbench.runtime import seeded

SIDE = 32
CAPTIONS = [
    "a cat",
    "two small red birds on a wire, seen from below in the evening",
    "Pizza",
    "a photo of a dog and a cat",
]
CLIP_VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": 8,
}
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}


torch.set_num_threads(1)  # tiny models: threads cost more than they bring


@pytest.fixture(autouse=True)
def _no_network_and_an_empty_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("the tests have no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Three pictures that are not square, each of another shape."""
    noise = np.random.default_rng(3)
    shapes = [(40, 64), (90, 33), (32, 50)]
    return [
        Image.fromarray(noise.integers(0, 256, (rows // 4, cols // 4, 3), dtype=np.uint8)).resize(
            (cols, rows)
        )
        for rows, cols in shapes
    ]


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Texts of different lengths, one with capitals."""
    return CAPTIONS


@pytest.fixture(scope="session")
def hf_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`hf_folder("clip")`: a folder as `save_pretrained` writes it, with random weights."""
    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            with seeded(5):
                model, tokeniser, processor = FAMILIES[kind]()
                _wake(model)
            for part in (model, tokeniser, processor):
                part.save_pretrained(folder)
            made[kind] = folder
        return made[kind]

    return make


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`clip_folder(vision=..., ...)`: a folder in open_clip's `local-dir:` form, with random weights."""

    def make(
        vision: dict | None = None, text: dict | None = None, preprocess: dict | None = None, **more: object
    ) -> Path:
        folder = tmp_path_factory.mktemp("open_clip")
        config = {
            "embed_dim": 24,
            "vision_cfg": {"image_size": SIDE, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8}
            | (vision or {}),
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}
            | (text or {}),
            **more,
        }
        written = {"model_cfg": config, "preprocess_cfg": preprocess or {}}
        (folder / "open_clip_config.json").write_text(json.dumps(written), "utf-8")
        with seeded(6):
            model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_text=False)
        save_file(model.state_dict(), folder / "open_clip_model.safetensors")
        return folder

    return make


def bert_folder(folder: Path) -> Path:
    """A text tower's configuration and tokeniser, as open_clip's `hf_model_name` takes it."""
    hf.BertConfig(vocab_size=64, **TEXT).save_pretrained(folder)
    _bert_tokeniser().save_pretrained(folder)
    return folder


def _wake(model: torch.nn.Module) -> None:
    """Random models start with equal layers and zero biases; a wrong wiring must show in the numbers."""
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)  # else ALIGN's random tower forgets the picture
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    for name in ("logit_scale", "temperature"):
        if hasattr(model, name):
            getattr(model, name).data.fill_(0.3 if name == "temperature" else 1.7)
    if hasattr(model, "logit_bias"):
        model.logit_bias.data.fill_(-2.5)


def _letters() -> list[str]:
    return [chr(code) for code in range(ord("a"), ord("z") + 1)]


def _clip_tokeniser() -> hf.PreTrainedTokenizerBase:
    symbols = [*_letters(), ",", *(letter + "</w>" for letter in [*_letters(), ","]), "ca", "cat</w>"]
    vocab = {symbol: place for place, symbol in enumerate([*symbols, "<|startoftext|>", "<|endoftext|>"])}
    merges = [("c", "a"), ("ca", "t</w>")]
    return hf.CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=64)


def _bert_tokeniser() -> hf.PreTrainedTokenizerBase:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "a", "##s", ",", *_letters()[1:]]
    words += [f"##{letter}" for letter in _letters() if letter != "s"]
    return hf.BertTokenizer(vocab={word: place for place, word in enumerate(words)}, model_max_length=64)


def _roberta_tokeniser() -> hf.PreTrainedTokenizerBase:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁a", "▁cat", ",", *_letters()]
    pieces += [letter.upper() for letter in _letters()]
    vocab = [(piece, -float(place)) for place, piece in enumerate(pieces)]
    return hf.XLMRobertaTokenizer(vocab=vocab, model_max_length=512)


def _siglip_tokeniser() -> hf.PreTrainedTokenizerBase:
    import tempfile

    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*CAPTIONS, *(" ".join(_letters()) for _ in range(3))]),
        model_writer=trained,
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    with tempfile.NamedTemporaryFile(suffix=".model") as file:
        file.write(trained.getvalue())
        file.flush()
        return hf.SiglipTokenizer(file.name, model_input_names=["input_ids"])


def _gemma_tokeniser() -> hf.PreTrainedTokenizerBase:
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", "▁c", "at", ",", *_letters()]
    pieces += [letter.upper() for letter in _letters()]
    vocab = {piece: place for place, piece in enumerate(pieces)}
    return hf.GemmaTokenizer(
        vocab=vocab, merges=[("▁", "c"), ("a", "t")], model_max_length=64, add_bos_token=False
    )


def _clip() -> tuple:
    text = {**TEXT, "vocab_size": 60, "eos_token_id": 57, "bos_token_id": 56, "pad_token_id": 57}
    config = hf.CLIPConfig(text_config=text, vision_config=CLIP_VISION, projection_dim=24)
    return hf.CLIPModel(config), _clip_tokeniser(), _clip_processor()


def _clip_processor() -> hf.CLIPImageProcessor:
    return hf.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


def _metaclip() -> tuple:
    text = {**TEXT, "vocab_size": 90, "eos_token_id": 2, "bos_token_id": 0, "pad_token_id": 1}
    config = hf.MetaClip2Config(text_config=text, vision_config=CLIP_VISION, projection_dim=24)
    return hf.MetaClip2Model(config), _roberta_tokeniser(), _clip_processor()


def _siglip() -> tuple:
    config = hf.SiglipConfig(
        text_config={**TEXT, "vocab_size": 80, "bos_token_id": 2, "eos_token_id": 1},
        vision_config=CLIP_VISION,
    )
    processor = hf.SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    return hf.SiglipModel(config), _siglip_tokeniser(), processor


def _siglip2_fixed() -> tuple:
    config = hf.SiglipConfig(
        text_config={**TEXT, "vocab_size": 80, "bos_token_id": 2, "eos_token_id": 1},
        vision_config=CLIP_VISION,
    )
    processor = hf.SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    return hf.SiglipModel(config), _gemma_tokeniser(), processor


def _siglip2_naflex() -> tuple:
    vision = {k: v for k, v in CLIP_VISION.items() if k != "image_size"} | {"num_patches": 16}
    config = hf.Siglip2Config(
        text_config={**TEXT, "vocab_size": 80, "bos_token_id": 2, "eos_token_id": 1}, vision_config=vision
    )
    processor = hf.Siglip2ImageProcessor(patch_size=8, max_num_patches=24)
    return hf.Siglip2Model(config), _gemma_tokeniser(), processor


def _align() -> tuple:
    text = {**TEXT, "vocab_size": 64, "max_position_embeddings": 80}
    vision = {
        "image_size": SIDE,
        "width_coefficient": 1.0,
        "depth_coefficient": 0.1,
        "hidden_dim": 32,
        "in_channels": [32, 8],
        "out_channels": [8, 32],
        "kernel_sizes": [3, 3],
        "strides": [1, 2],
        "num_block_repeats": [1, 1],
        "expand_ratios": [1, 2],
        "depthwise_padding": [],
        "depth_divisor": 8,
    }
    config = hf.AlignConfig(text_config=text, vision_config=vision, projection_dim=32)
    processor = hf.EfficientNetImageProcessor(
        size={"height": SIDE, "width": SIDE}, do_center_crop=False, rescale_offset=True, include_top=False
    )
    return hf.AlignModel(config), _bert_tokeniser(), processor


def _chinese() -> tuple:
    config = hf.ChineseCLIPConfig(
        text_config={**TEXT, "vocab_size": 64}, vision_config=CLIP_VISION, projection_dim=24
    )
    processor = hf.ChineseCLIPImageProcessor(
        size={"height": SIDE, "width": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    return hf.ChineseCLIPModel(config), _bert_tokeniser(), processor


def _altclip() -> tuple:
    text = {**TEXT, "vocab_size": 90, "pad_token_id": 1, "project_dim": 24, "max_position_embeddings": 66}
    config = hf.AltCLIPConfig(text_config=text, vision_config=CLIP_VISION, projection_dim=24)
    return hf.AltCLIPModel(config), _roberta_tokeniser(), _clip_processor()


def _two_towers() -> tuple:
    config = hf.VisionTextDualEncoderConfig.from_vision_text_configs(
        hf.ViTConfig(**CLIP_VISION), hf.BertConfig(**TEXT, vocab_size=64), projection_dim=24
    )
    processor = hf.ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    return hf.VisionTextDualEncoderModel(config), _bert_tokeniser(), processor


FAMILIES = {
    "clip": _clip,
    "metaclip_2": _metaclip,
    "siglip": _siglip,
    "siglip2_fixed": _siglip2_fixed,
    "siglip2": _siglip2_naflex,
    "align": _align,
    "chinese_clip": _chinese,
    "altclip": _altclip,
    "two_towers": _two_towers,
}


@pytest.fixture(scope="module")
def writer_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder of that name; made once, and not to be changed."""
    root = tmp_path_factory.mktemp("writers")

    def get(name: str) -> Path:
        return root / name if (root / name).is_dir() else writer_folders.made(name, root / name)

    return get


@pytest.fixture
def own_folder(writer_folder: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy that the test may change."""
    return lambda name: Path(shutil.copytree(writer_folder(name), tmp_path / f"own_{name}"))


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8))
