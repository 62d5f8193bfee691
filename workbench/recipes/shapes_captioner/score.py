"""What a trained captioner writes of scenes that it has never seen, and what its eye knows of places."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoImageProcessor, AutoTokenizer, VisionEncoderDecoderModel

from workbench import data
from workbench.data.pairs import Pairs
from workbench.data.scenes import SIDE, Scene
from workbench.generation import TruthShares, score_captions, truth_shares
from workbench.metrics import r2
from workbench.models.adapters.lstm_captioner import LSTMCaptioner, open_lstm_captioner
from workbench.recipes.shapes_captioner import model as architecture
from workbench.recipes.shapes_captioner.language import CONTEXT, END, LANGUAGES, PAD, START
from workbench.recipes.shapes_captioner.model import IMAGE, PATCH, logits
from workbench.recipes.shapes_captioner.train import nats

__all__ = ["Captioner", "eye_knows", "measure", "opened"]

_SCENES = 1_000  # of seed 0; training drew from other seeds
_AT_ONCE = 100
_PROBED = 1_500  # scenes of seed 1 that the probe is fitted and judged on: two thirds, one third


class Captioner:
    """A folder's model behind one face: pixels, captions, logits. `write(pixels, language, sample)`."""

    def __init__(self, folder: Path) -> None:
        self.reader = AutoTokenizer.from_pretrained(folder)
        self.see = AutoImageProcessor.from_pretrained(folder)
        self.model: Any
        if '"lstm_captioner"' in (folder / "config.json").read_text("utf-8"):
            self.model = open_lstm_captioner(folder)
        else:
            self.model = VisionEncoderDecoderModel.from_pretrained(folder, dtype=torch.float32).eval()

    def pixels(self, pairs: Pairs) -> Tensor:
        """picture x channel x row x col, as the folder's own processor makes them."""
        return self.see([pairs.picture(k) for k in range(len(pairs))], return_tensors="pt")["pixel_values"]

    @torch.no_grad()
    def write(self, pixels: Tensor, language: str, *, sample: bool = False) -> list[str]:
        """One caption a picture: greedy, or sampled at temperature 1."""
        start, end = self._id(START[language]), self._id(END)
        texts: list[str] = []
        for part in pixels.split(_AT_ONCE):
            if isinstance(self.model, LSTMCaptioner):
                ids, _ = self.model.write(part, start=start, end=end, most=CONTEXT - 1)
            else:
                ids = self.model.generate(part, decoder_start_token_id=start, do_sample=sample, top_k=0)
            texts += self.reader.batch_decode(ids, skip_special_tokens=True)
        return texts

    @torch.no_grad()
    def nats(self, pixels: Tensor, texts: list[str], language: str) -> NDArray[np.float64]:
        """Nats of each caption, its end included."""
        target = self.reader(texts, padding=True, return_tensors="pt")["input_ids"]
        first = torch.full((len(texts), 1), self._id(START[language]))
        read = torch.cat([first, target[:, :-1]], dim=1)
        own = isinstance(self.model, LSTMCaptioner)
        told = (
            self.model(pixels, read)
            if own
            else logits(self.model, self.model.encoder(pixel_values=pixels).last_hidden_state, read)
        )
        return nats(told.double(), target, self._id(PAD)).numpy()

    def _id(self, token: str) -> int:
        found: int = self.reader.get_vocab()[token]
        return found


def opened(folder: Path) -> Captioner:
    """The captioner in `folder`, by transformers' own classes where it is one of theirs."""
    return Captioner(folder)


def measure(folder: Path, *, scenes: int = _SCENES) -> dict[str, Any]:
    """Figures with their n, intervals and chance, for the card, the bench and the tests."""
    captioner = opened(folder)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    figures: dict[str, Any] = {"weights": digest, "scenes": scenes, "seed": 0}
    for language in LANGUAGES:
        pairs = data.load("shapes", n=scenes, seed=0, language=language)
        pixels, shown = captioner.pixels(pairs), list(pairs.columns["scene"])
        texts = captioner.write(pixels, language)
        shares = truth_shares(texts, shown)
        told = _shares(shares)
        told["by_things"] = _by_things(texts, shown)
        told["nats"] = _nats(captioner, pixels, pairs, language)
        scores = score_captions(texts, pairs.texts, measures=("BLEU", "CIDEr-D"))
        told["BLEU-4"] = {"value": scores["BLEU-4"].value, "chance": scores["BLEU-4"].chance}
        told["CIDEr-D"] = {"value": scores["CIDEr-D"].value, "chance": scores["CIDEr-D"].chance}
        if not isinstance(captioner.model, LSTMCaptioner):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                drawn = captioner.write(pixels, language, sample=True)
            told["sampled"] = _shares(truth_shares(drawn, shown))
        figures[language] = told
    eyes = {"eye": captioner.model.encoder, "eye_untrained": architecture.untrained_eye()}
    return figures | {name: eye_knows(eye, captioner.see) for name, eye in eyes.items()}


def eye_knows(eye: Any, see: Any, *, scenes: int = _PROBED) -> dict[str, float]:
    """A linear probe of the patches that hold the centres of things: what they say of place and relation.

    `eye` is the encoder; `see` makes its pixels.

    Keys: `place`, R² of the centre within its own patch, rows and columns together (chance 0); `relation` of
    two things, read from their two patches, one of four, and `relation_chance`, the commonest; `size`,
    `colour` and `shape` of the thing. Fitted on two thirds of the scenes, judged on the others.
    """
    pairs = data.load("shapes", n=scenes, seed=1)
    shown: list[Scene] = list(pairs.columns["scene"])
    pixels = see([pairs.picture(k) for k in range(scenes)], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        states = torch.cat(
            [eye(pixel_values=part).last_hidden_state[:, 1:] for part in pixels.split(_AT_ONCE)]
        )
    cell = SIDE / (IMAGE // PATCH)
    seen = states.numpy()
    held = [
        [seen[item, int(t.row // cell) * (IMAGE // PATCH) + int(t.col // cell)] for t in scene.things]
        for item, scene in enumerate(shown)
    ]
    things = [(item, k) for item, scene in enumerate(shown) for k in range(len(scene.things))]
    said = [shown[item].things[k] for item, k in things]
    first = np.array([item < scenes * 2 // 3 for item, _ in things])
    rows = np.array([held[item][k] for item, k in things])
    within = np.array([(thing.row % cell, thing.col % cell) for thing in said])
    found = _ridge(rows, within, first)
    told = {"place": float(np.mean([r2(found[:, k], within[~first, k]) for k in range(2)]))}
    for name in ("size", "colour", "shape"):
        told[name] = _classified(rows, [getattr(thing, name) for thing in said], first)[0]
    clear = [
        (item, a, b, true)
        for item, scene in enumerate(shown)
        for a in range(len(scene.things))
        for b in range(len(scene.things))
        if a != b and (true := scene.relation(a, b))
    ]
    both = np.array([np.concatenate([held[item][a], held[item][b]]) for item, a, b, _ in clear])
    early = np.array([item < scenes * 2 // 3 for item, *_ in clear])
    told["relation"], told["relation_chance"] = _classified(both, [true for *_, true in clear], early)
    return told


def _classified(states: NDArray, labels: list[str], fitted: NDArray[np.bool_]) -> tuple[float, float]:
    """(accuracy, share of the commonest class) on those that the probe was not fitted on."""
    classes, codes = np.unique(labels, return_inverse=True)
    found = _ridge(states, np.eye(len(classes))[codes], fitted).argmax(axis=1)
    judged = codes[~fitted]
    return float((found == judged).mean()), float(np.bincount(judged).max() / len(judged))


def _ridge(states: NDArray, wanted: NDArray, fitted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Linear regression with a small penalty, fitted on some rows and read on the others."""
    mean, spread = states[fitted].mean(axis=0), states[fitted].std(axis=0) + 1e-6
    known = np.c_[(states - mean) / spread, np.ones(len(states))].astype(float)
    own = known[fitted]
    weights = np.linalg.solve(own.T @ own + np.eye(own.shape[1]), own.T @ wanted[fitted])
    return known[~fitted] @ weights


def _shares(shares: TruthShares) -> dict[str, Any]:
    names = ("exact", "things_right", "relation", "found", "absent", "well_formed")
    told = {}
    for name in names:
        share = getattr(shares, name)
        low, high = share.interval
        told[name] = {"value": share.value, "low": low, "high": high, "n": share.n, "chance": share.chance}
    return told


def _by_things(texts: list[str], shown: list[Scene]) -> dict[str, dict[str, float]]:
    counts = sorted({len(scene.things) for scene in shown})
    told = {}
    for count in counts:
        rows = [k for k, scene in enumerate(shown) if len(scene.things) == count]
        shares = truth_shares([texts[k] for k in rows], [shown[k] for k in rows], shuffles=0)
        right = {"exact": shares.exact.value, "things_right": shares.things_right.value}
        told[str(count)] = {"n": len(rows), **right}
    return told


def _nats(captioner: Captioner, pixels: Tensor, pairs: Pairs, language: str) -> dict[str, dict[str, float]]:
    """Nats a caption beside the floor ln n!: things may be named in any order."""
    each = np.concatenate(
        [
            captioner.nats(pixels[k : k + _AT_ONCE], list(pairs.texts[k : k + _AT_ONCE]), language)
            for k in range(0, len(pairs), _AT_ONCE)
        ]
    )
    count = np.array([len(scene.things) for scene in pairs.columns["scene"]])
    return {
        str(n): {"value": float(each[count == n].mean()), "floor": math.lgamma(n + 1)}
        for n in np.unique(count).tolist()
    }
