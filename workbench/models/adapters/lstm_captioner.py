"""The two ancestors of today's captioners, in PyTorch: one vector and an LSTM, and an LSTM that attends.

Both see with a ViT of transformers. They are kept as `config.json` and `model.safetensors`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import ViTConfig, ViTModel

from workbench.errors import BadInputError

__all__ = ["LSTMCaptioner", "LSTMShape", "Seen", "open_lstm_captioner", "save_lstm_captioner"]

_KIND = "lstm_captioner"


@dataclass(frozen=True)
class LSTMShape:
    """The architecture.

    Attributes:
        attends: whether each word looks at the patches anew; else one vector is seen once, before the first.
        vocabulary: words.
        eye: settings of the `ViTConfig`.
        hidden, word, attention: widths of the LSTM, of a word's vector, of the attention's layer.
    """

    attends: bool
    vocabulary: int
    eye: Mapping[str, Any]
    hidden: int = 256
    word: int = 128
    attention: int = 64


@dataclass(frozen=True)
class Seen:
    """What an eye gives: `pooled`, picture x feature, and `patches`, picture x patch x feature."""

    pooled: Tensor
    patches: Tensor
    keys: Tensor

    def repeated(self, times: int) -> Seen:
        """Each picture so many times, for several captions of it."""
        return Seen(*(one.repeat_interleave(times, 0) for one in (self.pooled, self.patches, self.keys)))


class LSTMCaptioner(nn.Module):
    """A ViT whose picture an LSTM puts into words.

    Source: Vinyals et al. 2015, "Show and Tell", 3.1; Xu et al. 2015, "Show, Attend and Tell", 3.1 and 4.2
    (soft attention with its gate and deep output; without the doubly stochastic penalty).
    """

    def __init__(self, shape: LSTMShape) -> None:
        super().__init__()
        self.shape = shape
        config = ViTConfig(**shape.eye)
        width = config.hidden_size
        self.encoder = ViTModel(config, add_pooling_layer=False)
        self.words = nn.Embedding(shape.vocabulary, shape.word)
        if shape.attends:
            self.cell = nn.LSTMCell(shape.word + width, shape.hidden)
            self.start_hidden, self.start_cell = (
                nn.Linear(width, shape.hidden),
                nn.Linear(width, shape.hidden),
            )
            self.key, self.query = nn.Linear(width, shape.attention), nn.Linear(shape.hidden, shape.attention)
            self.energy = nn.Linear(shape.attention, 1, bias=False)
            self.gate = nn.Linear(shape.hidden, width)
            self.from_hidden, self.from_picture = (
                nn.Linear(shape.hidden, shape.word),
                nn.Linear(width, shape.word),
            )
            self.head = nn.Linear(shape.word, shape.vocabulary)
        else:
            self.lstm = nn.LSTM(shape.word, shape.hidden, batch_first=True)
            self.first = nn.Linear(width, shape.word)
            self.head = nn.Linear(shape.hidden, shape.vocabulary)

    def look(self, pixels: Tensor) -> Seen:
        """The picture through the eye: its first token as the one vector, and all patches."""
        # The LSTM keeps the precision of its weights where the eye runs in bfloat16.
        states = self.encoder(pixel_values=pixels).last_hidden_state.to(self.words.weight.dtype)
        patches = states[:, 1:]
        return Seen(states[:, 0], patches, self.key(patches) if self.shape.attends else patches[:, :0])

    def begin(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """The LSTM's state before the first word, each caption x hidden."""
        if self.shape.attends:
            mean = seen.patches.mean(dim=1)
            return torch.tanh(self.start_hidden(mean)), torch.tanh(self.start_cell(mean))
        _, (hidden, cell) = self.lstm(self.first(seen.pooled)[:, None])
        return hidden[0], cell[0]

    def step(
        self, word: Tensor, state: tuple[Tensor, Tensor], seen: Seen
    ) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor | None]:
        """Logits of the word after `word`, the new state, and the weights of the patches if it attends."""
        hidden, cell = state
        if not self.shape.attends:
            out, (hidden, cell) = self.lstm(self.words(word)[:, None], (hidden[None], cell[None]))
            return self.head(out[:, 0]), (hidden[0], cell[0]), None
        energy = self.energy(torch.tanh(seen.keys + self.query(hidden)[:, None]))[..., 0]
        weights = energy.softmax(dim=1)
        context = torch.sigmoid(self.gate(hidden)) * torch.bmm(weights[:, None], seen.patches)[:, 0]
        read = self.words(word)
        hidden, cell = self.cell(torch.cat([read, context], dim=1), (hidden, cell))
        told = self.head(torch.tanh(read + self.from_hidden(hidden) + self.from_picture(context)))
        return told, (hidden, cell), weights

    def forward(self, pixels: Tensor, read: Tensor) -> Tensor:
        """caption x place x word: logits after each word of `read`, with as many captions of each picture."""
        return self.tell(self.look(pixels), read)

    def tell(self, seen: Seen, read: Tensor) -> Tensor:
        """The same of what was seen."""
        seen = seen.repeated(len(read) // len(seen.pooled))
        state = self.begin(seen)
        if not self.shape.attends:
            out, _ = self.lstm(self.words(read), (state[0][None], state[1][None]))
            return self.head(out)
        told = []
        for word in read.T:
            logits, state, _ = self.step(word, state, seen)
            told.append(logits)
        return torch.stack(told, dim=1)

    @torch.no_grad()
    def write(self, pixels: Tensor, *, start: int, end: int, most: int) -> tuple[Tensor, Tensor | None]:
        """Greedy captions, caption x place, `end` to the last place; and the weights of the patches.

        Weights are caption x place x patch, in the row that produces the word; None where it does not attend.
        """
        seen = self.look(pixels)
        state, word = self.begin(seen), torch.full((len(pixels),), start, device=pixels.device)
        written, looked = [], []
        over = torch.zeros_like(word, dtype=torch.bool)
        for _ in range(most):
            logits, state, weights = self.step(word, state, seen)
            word = logits.argmax(dim=1).masked_fill(over, end)
            over = over | (word == end)
            written.append(word)
            looked.append(weights)
            if bool(over.all()):
                break
        maps = [one for one in looked if one is not None]
        return torch.stack(written, 1), torch.stack(maps, 1) if maps else None


def save_lstm_captioner(model: LSTMCaptioner, folder: str | Path) -> None:
    """Write `config.json` and `model.safetensors` (float16) into `folder`."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    said = {"model_type": _KIND, **asdict(model.shape)}
    (place / "config.json").write_text(json.dumps(said, indent=2) + "\n", "utf-8")
    file = place / "model.safetensors"
    state = {name: value.detach().half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, file, metadata={"format": "pt"})
    file.chmod(0o644)  # it is written for its owner alone, and would be installed so


def open_lstm_captioner(folder: str | Path) -> LSTMCaptioner:
    """The model of a folder that `save_lstm_captioner` wrote, in float32 and for evaluation.

    Raises:
        BadInputError: the folder holds another model.
    """
    place = Path(folder)
    said = json.loads((place / "config.json").read_text("utf-8"))
    if said.pop("model_type", None) != _KIND:
        raise BadInputError(f"{place.name} holds no {_KIND}; its config.json says what it is.")
    model = LSTMCaptioner(LSTMShape(**said))
    model.load_state_dict(
        {name: value.float() for name, value in load_file(place / "model.safetensors").items()}
    )
    return model.eval()
