"""The architecture of `shapes-captioner`, and its export as a folder that transformers loads by itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import (
    GPT2Config,
    PreTrainedTokenizerFast,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

from workbench.models.adapters.lstm_captioner import LSTMCaptioner, LSTMShape, save_lstm_captioner
from workbench.recipes.shapes_captioner.language import CONTEXT, END, PAD, START, UNKNOWN

__all__ = [
    "BLOCKS",
    "IMAGE",
    "MEAN",
    "PATCH",
    "STD",
    "Taught",
    "build",
    "build_ancestor",
    "export",
    "logits",
    "untrained_eye",
]

IMAGE = 64  # pixels, rows and columns of the model's input
PATCH = 8
WIDTH = 128
MEAN, STD = 1.0, 0.5  # of pixels in 0..1: the white ground becomes 0, so an empty patch is only its place
_EYE: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 3 * WIDTH,
    "image_size": IMAGE,
    "patch_size": PATCH,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
BLOCKS = (".layers.", ".h.")  # parts of the names of the matrices inside the blocks, for Muon


def build(tokenizer: Tokenizer) -> VisionEncoderDecoderModel:
    """An untrained model: a ViT with four blocks, a GPT-2 with three that look at its 64 patches.

    Places start as sine waves instead of noise, so that near patches look alike from the first step on; they
    are learned from there.
    """
    ids = tokenizer.token_to_id
    shared: dict[str, Any] = {
        "pad_token_id": ids(PAD),
        "eos_token_id": ids(END),
        "bos_token_id": ids(START["en"]),
    }
    seeing = ViTConfig(**_EYE)
    writing = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(),
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=3,
        n_head=4,
        n_inner=3 * WIDTH,
        activation_function="gelu",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        add_cross_attention=True,
        **shared,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        seeing, writing, decoder_start_token_id=ids(START["en"]), **shared
    )
    model = VisionEncoderDecoderModel(config)
    model.generation_config.update(
        decoder_start_token_id=ids(START["en"]), max_length=CONTEXT, num_beams=1, do_sample=False, **shared
    )
    _place(model.encoder)
    words = model.get_parameter("decoder.transformer.wpe.weight")
    words.data.copy_(0.03 * _waves(CONTEXT, WIDTH, CONTEXT * 4))
    return model


def build_ancestor(tokenizer: Tokenizer, *, attends: bool) -> LSTMCaptioner:
    """The same eye and an LSTM, both untrained: of one vector, or one that attends to the patches."""
    model = LSTMCaptioner(LSTMShape(attends, tokenizer.get_vocab_size(), dict(_EYE)))
    _place(model.encoder)
    return model


def untrained_eye(seed: int = 0) -> ViTModel:
    """The eye before its first step, to compare with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        eye = ViTModel(ViTConfig(**_EYE), add_pooling_layer=False)
    _place(eye)
    return eye.eval()


class Taught(nn.Module):
    """A captioner while it is trained: its words, and where each patch says that its thing's centre lies.

    A linear head on the patches has to tell the centre of the thing that a patch shows part of. Without it
    the eye forgets places (the words for things need none), and relations are guessed. It is not kept.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.centre = nn.Linear(WIDTH, 2)

    def plain_attention(self) -> None:
        """Attention in plain products: on a CPU the backward of the fused one takes half of a step's time."""
        for part in self.model.modules():
            if hasattr(part, "set_attn_implementation"):
                part.set_attn_implementation("eager")

    def forward(self, pixels: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, caption x place x word, and centres, picture x patch x (row, col), in -1 to 1.

        `read` may hold several captions of each picture, which is seen once.
        """
        if isinstance(self.model, LSTMCaptioner):
            seen = self.model.look(pixels)
            return self.model.tell(seen, read), self.centre(seen.patches)
        states = self.model.encoder(pixel_values=pixels).last_hidden_state
        return logits(self.model, states, read), self.centre(states[:, 1:])


def logits(model: Any, states: Tensor, read: Tensor) -> Tensor:
    """caption x place x word, from the eye's states; each picture's captions stand together in `read`."""
    states = states.repeat_interleave(len(read) // len(states), dim=0)
    # Padding stands behind the words and the decoder is causal, so no word sees it.
    return model.decoder(
        input_ids=read, encoder_hidden_states=states, attention_mask=torch.ones_like(read), use_cache=False
    ).logits


def export(state: dict[str, Tensor], tokenizer: Tokenizer, folder: Path) -> None:
    """Write model (float16), tokeniser and image processor to `folder`."""
    if any(name.startswith("words.") for name in state):
        ancestor = build_ancestor(tokenizer, attends="energy.weight" in state)
        ancestor.load_state_dict(state)
        save_lstm_captioner(ancestor, folder)
    else:
        model: Any = build(tokenizer)
        model.load_state_dict(state)
        model.half().save_pretrained(folder)
    reader = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        bos_token=START["en"],
        additional_special_tokens=list(START.values()),
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
        padding_side="right",
    )
    reader.save_pretrained(folder)
    processor = ViTImageProcessor(
        size={"height": IMAGE, "width": IMAGE},
        resample=3,
        image_mean=[MEAN] * 3,
        image_std=[STD] * 3,
    )
    processor.save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)  # it is written for its owner alone, and would be installed so


def _place(eye: Any) -> None:
    """Rows in one half of a patch's place, columns in the other."""
    side = IMAGE // PATCH
    rows, cols = (0.3 * _waves(side, WIDTH // 2, side * 4) for _ in range(2))
    grid = torch.cat([rows.repeat_interleave(side, 0), cols.repeat(side, 1)], dim=1)
    eye.embeddings.position_embeddings.data[0, 1:] = grid


def _waves(places: int, width: int, longest: float) -> Tensor:
    """place x width: sines and cosines whose periods go from 2.5 places to `longest`.

    Source: Vaswani et al. 2017, section 3.5.
    """
    period = 2.5 * (longest / 2.5) ** torch.linspace(0, 1, width // 2)
    angle = 2 * math.pi * torch.arange(places)[:, None] / period
    return torch.cat([angle.sin(), angle.cos()], dim=1)
