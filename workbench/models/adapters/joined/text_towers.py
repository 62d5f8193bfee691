"""Text towers: any encoder of transformers, its tokens pooled into one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from workbench.errors import BadWeightsError
from workbench.models.adapters.joined.places import checked, find
from workbench.models.adapters.pieces import tokenised
from workbench.models.texts import VOCABULARIES, has_vocabulary
from workbench.models.weights import find_weights, in_memory, reading
from workbench.results import OnEvent

__all__ = ["TextTower", "load_text_tower"]

Pooling = Literal["mean", "first"]


class TextTower(nn.Module):
    """A text encoder with its tokeniser.

    Attributes:
        network: the library's own module. feature: length of its features.
        tokeniser: of the library. limit: tokens that are read, start and end included.
        pooling: "mean" over the tokens that are not padding, or the "first" one.
        files: the weights it was made from.
    """

    def __init__(
        self, network: nn.Module, tokeniser: Any, *, pooling: Pooling, limit: int, files: tuple[Path, ...]
    ) -> None:
        super().__init__()
        self.network, self.tokeniser = network, tokeniser
        self.pooling, self.limit, self.files = pooling, limit, files
        config: Any = network.config
        self.feature = int(config.hidden_size)

    def words(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """`input_ids`, `attention_mask` and what else the network reads: item x token, on the CPU."""
        return dict(
            tokenised(
                self.tokeniser,
                list(texts),
                padding="longest",
                truncation=True,
                max_length=self.limit,
                return_tensors="pt",
            )
        )

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature."""
        tokens = self.network(**inputs).last_hidden_state
        if self.pooling == "first":
            return tokens[:, 0]
        kept = inputs["attention_mask"].unsqueeze(-1).to(tokens.dtype)
        return (tokens * kept).sum(dim=1) / kept.sum(dim=1).clamp_min(1)


def load_text_tower(
    settings: Mapping[str, Any], beside: Path, *, name: str, on_event: OnEvent | None = None
) -> TextTower:
    """The text tower that `joined_config.json` describes, with its weights.

    Raises:
        UnavailableError, BadWeightsError: its files are not here, or not the right ones.
    """
    from transformers import AutoModel, AutoTokenizer

    folder = find(str(settings.get("weights", "")), beside, name=name, on_event=on_event)
    if not folder.is_dir():
        raise BadWeightsError(f"{name}: the text tower's place {folder} is a file; expected a model folder.")
    pooling = settings.get("pooling", "mean")
    if pooling not in ("mean", "first"):
        raise BadWeightsError(f"{name}: the text tower's pooling is {pooling!r}; expected 'mean' or 'first'.")
    files = find_weights(folder, library="transformers")
    for file in files:
        checked(file, settings.get("sha256") if len(files) == 1 else None, name=name)
    if not has_vocabulary(folder):
        raise BadWeightsError(
            f"{name}: the text tower in {folder} has no tokeniser ({', '.join(VOCABULARIES[:3])} ...). "
            "Copy the one it was trained with there."
        )
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    with reading(files, f"the text tower in {folder}"):
        tokeniser = AutoTokenizer.from_pretrained(str(folder), **options)
        network = in_memory(AutoModel.from_pretrained(str(folder), **options))
    longest = int(getattr(network.config, "max_position_embeddings", 512))
    limit = min(int(settings.get("limit", longest)), longest)
    return TextTower(network, tokeniser, pooling=pooling, limit=limit, files=tuple(files))
