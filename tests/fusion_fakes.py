"""Hand-made results of the fusion lab: what its widgets are tested with, without torch and in no time.

The numbers are drawn from a fixed seed, with a shape a reader can predict: additive fusions reach .75,
the others 1, and "broken-one" was not compared.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from workbench import data, fusion
from workbench.data.examples import Examples, Tokens
from workbench.fusion import FusionReport, Look, Plan, Proof, ProofRow, Regions, TrainingEvent
from workbench.fusion.comparison.report_parts import Budget, Contributions, Pid, Robustness
from workbench.results import Provenance

NAMES = ("mean-logits", "concat-mlp", "early-tokens", "bottleneck", "only-image")
ITEMS, GRID, WORDS = 40, (2, 3), 4
CLASSES = ("circle", "square", "star")
TASKS = tuple(
    SimpleNamespace(name=name, title=title, why=f"why {title}")
    for name, title in (
        ("xor", "XOR"), ("and", "AND"), ("ring", "ring"), ("match", "alike"), ("unique-image", "picture only")
    )
)  # fmt: skip


def examples() -> Examples:
    """Forty questions about flat pictures: ten in each of train and validation, twenty of test."""
    random = np.random.default_rng(0)
    pictures = [Image.new("RGB", (60, 40), tuple(random.integers(0, 255, 3).tolist())) for _ in range(ITEMS)]
    words = [f"is it <b>shape</b> {item}?".split() for item in range(ITEMS)]
    pairs = data.from_pictures(pictures, texts=[" ".join(said) for said in words])
    split = np.repeat([0, 1, 2, 2], ITEMS // 4).astype(np.uint8)
    tokens = {
        "image": Tokens.of(random.normal(size=(ITEMS, GRID[0] * GRID[1], 5))),
        "text": Tokens.of(random.normal(size=(ITEMS, WORDS, 3))),
    }
    return Examples(
        "flat pictures", tokens, random.integers(0, 3, ITEMS), CLASSES, split, pairs,
        {"image_grid": GRID, "words": words}, (), "examples",
    )  # fmt: skip


def report(names: tuple[str, ...] = NAMES, *, seeds: int = 3, complete: bool = True) -> FusionReport:
    """A comparison in which additive fusions reach three quarters, and all is filled in."""
    random = np.random.default_rng(1)
    cards = tuple(fusion.card(name) for name in names)
    held = examples()
    items = held.rows("test")
    level = np.array([0.75 if card.kind in ("additive", "unimodal") else 0.97 for card in cards])
    accuracy = np.clip(level[:, None] + 0.01 * random.normal(size=(len(names), seeds)), 0, 1)
    nll = 1.2 - accuracy
    if not complete:
        accuracy[-1, -1] = nll[-1, -1] = np.nan
    metrics = {
        "accuracy": accuracy,
        "auroc": accuracy,
        "nll": nll,
        "brier": nll / 2,
        "ece": nll / 9,
    }
    epochs = np.arange(1, 7)
    rise = 1 - np.exp(-epochs / 2)
    curves = {
        "train_loss": (1.1 - accuracy)[:, :, None] + 1.1 * (1 - rise),
        "validation_loss": (1.2 - accuracy)[:, :, None] + 1.1 * (1 - rise),
        "validation_accuracy": 0.33 + (accuracy - 0.33)[:, :, None] * rise,
    }
    return FusionReport(
        data="flat pictures", modalities=("image", "text"), classes=CLASSES, cards=cards,
        seeds=tuple(range(seeds)), plan=Plan(epochs=6), counts={"train": 10, "validation": 10, "test": 20},
        metrics={name: values.astype(np.float32) for name, values in metrics.items()},
        lines={"chance": 1 / 3, "ln K": float(np.log(3)), "bayes_accuracy": 1.0, "additive_accuracy": 0.75},
        curves={name: values.astype(np.float32) for name, values in curves.items()},
        epoch=np.full((len(names), seeds), 4), calibration=_calibration(level),
        confusion=np.tile(np.eye(3, dtype=int) * 20, (len(names), 1, 1)),
        robustness=_robustness(level, seeds, random), budget=_budget(cards),
        contributions=_contributions(cards, seeds), probability=_probability(level, held.labels[items], random),
        fused={card.name: random.normal(size=(len(items), 6)).astype(np.float32) for card in cards},
        items=items, truth=held.labels[items], config_hash="0123abcd",
        weights={card.name: {"w": np.zeros(2)} for card in cards}, examples=held,
        broken={"broken-one": "it drops the mask of a modality"}, complete=complete,
        notes=("A note on <b>rows</b> left out.",),
        provenance=Provenance("compare", data="flat pictures", parameters={"seeds": seeds}, seed=0),
    )  # fmt: skip


def regions(
    names=("slider-0",), task: str = "xor", *, size: int = 24, steps: int = 60, seed: int = 0
) -> Regions:
    """Exact XOR for every fusion but additive ones, which sit at the corner of three quarters."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    truth = (np.sign(axis)[:, None] != np.sign(axis)[None, :]).astype(np.float32)
    flat = np.clip(0.5 + 0.4 * (axis[:, None] + axis[None, :]), 0, 1)
    kinds = [fusion.card(name, depth=3).kind for name in names]
    planes = [flat if kind in ("additive", "scalar-gated", "unimodal") else truth for kind in kinds]
    step = np.arange(0, steps, 2, dtype=np.float32)
    history = [
        np.stack([step, 0.69 * np.exp(-step / (15 if plane is truth else 1e6))], axis=1) for plane in planes
    ]
    return Regions(
        task, tuple(names), axis, np.reshape(planes, (-1, size, size)).astype(np.float32), truth,
        np.full_like(truth, 0.5), np.reshape(history, (len(planes), -1, 2)).astype(np.float32)
        if planes else np.zeros((0, steps // 2, 2), np.float32),
        np.array([1.0 if plane is truth else 0.75 for plane in planes], np.float32), 0.75, steps,
        provenance=Provenance("regions", seed=seed),
    )  # fmt: skip


def proof(*, broken: bool = True) -> Proof:
    """Two fusions on two tasks; the second one breaks its class unless told otherwise."""
    rows = [
        ProofRow("mean-logits", "additive", "xor", "AUROC", 0.503, 0.47, 0.53, "1/2: a tie <i>on average</i>", True),
        ProofRow("mean-logits", "additive", "xor", "accuracy", 0.71, -np.inf, 0.77, "at most 3/4", True),
        ProofRow("mean-logits", "additive", "product", "R2", 0.2, -np.inf, np.inf, "no claim", None),
        ProofRow("low-rank", "bilinear", "xor", "AUROC", 0.52 if broken else 1.0, 0.99, 1.0, "1", not broken),
    ]  # fmt: skip
    return Proof(tuple(rows), 12.5, provenance=Provenance("prove", seed=0))


def look(given: FusionReport, name: str, items) -> Look:
    """One item: the text's cls gives three quarters of its attention to the picture in layer 1."""
    count, image, text = len(items), GRID[0] * GRID[1], WORDS
    keys = 1 + text + 1 + image
    weights = np.zeros((count, 2, 1 + text, keys), np.float32)
    weights[..., : 1 + text] = 0.25 / (1 + text)
    weights[..., 1 + text :] = 0.75 / (1 + image)
    own = np.full((count, 2, 1 + text, 1 + text), 1 / (1 + text), np.float32)
    answers = np.tile(np.array([0.7, 0.2, 0.1], np.float32), (count, 1))
    place = [int(np.flatnonzero(given.items == item)[0]) for item in items]
    return Look(
        name, np.asarray(items), answers, {"image": answers, "text": answers[:, ::-1]},
        {"0/cls+text->cls+text": own, "1/cls+text->cls+text+cls+image": weights},
        {"z": np.linspace(-1, 1, 8, dtype=np.float32)[None].repeat(count, 0)},
        {"image": np.ones((count, image), bool), "text": np.ones((count, text), bool)},
        np.full(count, 0.375, np.float32), given.truth[place], np.array([[0.4, -0.3, 0.0]], np.float32),
    )  # fmt: skip


class Lab:
    """Stands in for `workbench.fusion`'s verbs: at once, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.hold = None  # set to a threading.Event to make a verb wait for cancel

    def plane_tasks(self):
        return TASKS

    def regions(
        self, names, task, *, steps=60, design=None, size=24, seed=0, on_event=None, should_stop=None
    ):
        """Without a listener it is asked for what ships, which takes no time; that is not written down."""
        if on_event is None:
            return regions(tuple(names), task, size=size, steps=steps, seed=seed)
        self.asked.append(("regions", tuple(names), task, seed))
        for step in (0, 20, 40):
            for name in names:
                on_event(TrainingEvent("planes", step, 60, name, name, (seed,), step, {"train_loss": (0.7,)}))
        self._wait(should_stop)
        made = regions(tuple(names), task, size=size, steps=steps, seed=seed)
        return replace(made, complete=False) if should_stop() else made

    def compare(self, given, names, *, seeds, plan, on_event=None, should_stop=None):
        self.asked.append(("compare", tuple(names), seeds, plan.epochs, plan.most_train))
        self.training = plan.training
        for epoch in range(1, 4):
            values = {"validation_accuracy": (0.5,) * seeds, "train_loss": (1.0,) * seeds}
            on_event(TrainingEvent("training", epoch, 3, "", names[0], tuple(range(seeds)), epoch, values))
        self._wait(should_stop)
        return report(tuple(names), seeds=seeds, complete=not should_stop())

    def prove(self, names=None, *, on_event=None, should_stop=None):
        self.asked.append(("prove", names))
        return proof(broken=False)

    def look(self, given, name, items):
        self.asked.append(("look", name, tuple(items)))
        return look(given, name, items)

    def _wait(self, should_stop) -> None:
        while self.hold is not None and not self.hold.is_set() and not should_stop():
            self.hold.wait(0.01)


def _calibration(level):
    rows = np.full((len(level), 15, 3), np.nan, np.float32)
    rows[:, :, 2] = 0
    for place, right in enumerate(level):
        rows[place, 12] = (0.83, right - 0.1, 8)
        rows[place, 14] = (0.97, right, 12)
    return rows


def _robustness(level, seeds, random):
    parts = []
    for kind, modality, levels in (
        ("noise", "image", (0, 0.5, 1, 2)), ("noise", "text", (0, 0.5, 1, 2)), ("missing", "text", (0, 0.5, 1))
    ):  # fmt: skip
        steps = np.array(levels, np.float32)
        fall = 0.34 + (level[:, None, None] - 0.34) * np.exp(-steps)[None, None]
        accuracy = fall + 0.005 * random.normal(size=(len(level), seeds, len(steps)))
        theory = 0.34 + 0.6 * np.exp(-steps) if (kind, modality) == ("noise", "image") else None
        parts.append(
            Robustness(
                kind, modality, steps, (steps / steps[-1] * 20).astype(int), accuracy.astype(np.float32),
                (1.2 - accuracy).astype(np.float32), 20, 0.0, theory,
            )
        )  # fmt: skip
    return tuple(parts)


def _budget(cards):
    count = len(cards)
    parameters = np.array([1000 * 2**place for place in range(count)])
    return Budget(
        parameters, parameters * 20, parameters * 20.0, np.linspace(1, 5, count, dtype=np.float32),
        np.linspace(0.2, 1, count, dtype=np.float32), np.linspace(0.3, 2, count, dtype=np.float32),
        np.linspace(1, 3, count, dtype=np.float32), (cards[-1].name,),
    )  # fmt: skip


def _contributions(cards, seeds):
    count = len(cards)
    joint = np.array([0.0 if card.kind in ("additive", "unimodal") else 0.4 for card in cards], np.float32)
    spread = np.tile(joint[:, None], (1, seeds))
    shapley = np.stack([0.1 + spread / 2, 0.2 + spread / 2], axis=-1)
    pid = {"data": Pid(0.1, {"image": 0.0, "text": 0.2}, 0.9, (0.02, 0.01, 0.01, 0.05), "exact", items=20)}
    pid |= {
        card.name: Pid(0.1, {"image": 0.1, "text": 0.2}, 0.3, (0.02, 0, 0, 0.05), "clusters")
        for card in cards
    }
    return Contributions(
        ((), ("image",), ("text",), ("image", "text")), np.zeros((count, seeds, 4), np.float32), shapley,
        spread, 0.75 - 0 * spread, spread / 2, 1 - spread, np.full((count, seeds), np.nan, np.float32),
        np.ones((count, seeds), np.float32), pid, items=20,
    )  # fmt: skip


def _probability(level, truth, random):
    chance = random.dirichlet(np.ones(3) * 0.3, size=(len(level), len(truth)))
    for place, right in enumerate(level):
        sure = random.random(len(truth)) < right
        chance[place, sure] = 0.05
        chance[place, sure, truth[sure]] = 0.9
    return chance.astype(np.float32)


def tell(board: Any, **content: object) -> None:
    """What a button of the browser sends."""
    board._handle_custom_msg(content, [])
