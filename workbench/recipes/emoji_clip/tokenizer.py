"""A small byte-level BPE of our own.

CLIP's table of 49,408 tokens would be two thirds of this model and spells Chinese byte by byte. One
learned from the names needs a sixth of that, and still reads any text, since its alphabet is bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

__all__ = ["CONTEXT", "learn", "save"]

CONTEXT = 32  # tokens: four times the longest common name
_SIZE = 8190
_PAD, _START, _END = "<pad>", "<start>", "<end>"


def learn(texts: Iterable[str]) -> Tokenizer:
    """A tokeniser that lower-cases, and whose end token has the largest id of all.

    open_clip pools the text tower at the largest id of a row, so this is what makes padding inert.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=_SIZE, special_tokens=[_PAD, _START], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([_END])
    start, end = (tokenizer.token_to_id(token) for token in (_START, _END))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A {_END}", special_tokens=[(_START, start), (_END, end)]
    )
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the two files that open_clip's tokeniser wrapper reads from a model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    # Training pads and cuts by its own rule; the folder leaves both to its reader.
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": _START,
        "eos_token": _END,
        "pad_token": _PAD,
        "model_max_length": CONTEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
