"""The fusion lab in numbers: how fast it trains, how long a proof takes, what was measured on easy-VQA.

The whole comparison on easy-VQA takes an hour; it is kept, and two of its rows are measured again.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

Rows = list[tuple[str, str, str]]
SEEDS, ROWS, BATCH = (0, 1, 2, 3, 4), 640, 64
AGAIN = ("only-text", "mean-logits")
"""Rows of the kept comparison that are measured again, for two of its seeds: cheap ones, a minute each."""
NAMES = ("early-tokens", "co-attention", "bottleneck", "mean-logits", "concat-mlp", "low-rank", "hybrid")


def fusion(_work: Path) -> Rows:
    """Training in `compare` against a plain loop of the same models; the time of `prove()`; easy-VQA."""
    from workbench.fusion import measured, prove

    rows = [_rate(name) for name in NAMES]
    proof = prove()
    rows.append(
        (
            f"prove(): {len(proof.fusions)} fusions, {len(proof.rows)} rows",
            f"{proof.seconds:.0f} s",
            "120 s on two cores",
        )
    )
    rows.append(("  outside theory", str(len(proof.failures)), "0"))
    return rows + _easy_vqa(measured("easy-vqa"))


def _easy_vqa(kept) -> Rows:
    """The kept comparison, where it comes from, and two of its rows measured again now."""
    from dataclasses import replace

    from workbench import data
    from workbench.fusion import compare, examples

    plan = replace(kept.plan, contributions=False)
    again = compare(examples(data.load("easy-vqa")), AGAIN, seeds=kept.seeds[:2], plan=plan)
    rows = [("easy-vqa: a comparison kept with the package", kept.config_hash, kept.notes[-1])]
    accuracy = kept.metrics["accuracy"]
    for place in np.argsort(-accuracy.mean(axis=1)):
        name = kept.fusions[place]
        mean, low, high = kept.interval()[place]
        rows.append(
            (f"easy-vqa, kept: {name}, {len(kept.seeds)} seeds", f"{mean:.3f}", f"{low:.3f} to {high:.3f}")
        )
        if name in AGAIN:
            now = again.metrics["accuracy"][again.index(name)]
            what = f"  {name}, seeds {kept.seeds[0]} and {kept.seeds[1]}, measured again now"
            rows.append((what, _three(now), _three(accuracy[place, :2])))
    rows.append(("easy-vqa: its author, twice the pictures", f"{kept.lines['author_accuracy']:.3f}", ""))
    return rows


def _three(values) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def _rate(name: str) -> tuple[str, str, str]:
    """Examples a second of five seeds trained by `compare`'s own loop, over five plain loops in turn."""
    import torch

    from workbench.fusion import Plan
    from workbench.fusion.comparison.dataset import bundle
    from workbench.fusion.comparison.training import train
    from workbench.fusion.modules.builders import fusion as named
    from workbench.runtime import one_thread

    plan = Plan(epochs=1, batch_size=BATCH)
    data, one = bundle(_examples(), plan, 1), named(name)
    ours, plain = [], []
    with one_thread():
        for _ in range(3):  # in turn, so that a drift of the machine meets both
            start = time.perf_counter()
            train(one, data, plan, SEEDS, lambda: None, lambda _epoch, _values: None)
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            for seed in SEEDS:
                torch.manual_seed(seed)
                _plain(one.build(data.spec, plan.design), data, plan)
            plain.append(time.perf_counter() - start)
    rate = len(SEEDS) * len(data.rows["train"]) / min(ours)
    return f"examples/s of {name}, over a plain loop", f"{rate:,.0f}, {min(plain) / min(ours):.2f}x", "0.95x"


def _plain(model, data, plan) -> None:
    """What one would write by hand: the same steps, and the same look at validation after them."""
    import torch
    from torch.nn import functional

    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    order = torch.from_numpy(np.random.default_rng(0).permutation(data.rows["train"]))
    for rows in order.split(plan.batch_size):
        out = model({name: (x[rows], mask[rows]) for name, (x, mask) in data.inputs.items()})
        heads = (out.logits, *out.auxiliary.values())
        loss = sum(functional.cross_entropy(logits, data.labels[rows]) for logits in heads)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    with torch.no_grad():
        rows = torch.from_numpy(data.rows["validation"])
        model({name: (x[rows], mask[rows]) for name, (x, mask) in data.inputs.items()})


def _examples():
    from workbench.data.examples import Examples, Tokens

    random = np.random.default_rng(0)
    count = ROWS + 128
    tokens = {
        "image": Tokens.of(random.normal(size=(count, 16, 192))),
        "text": Tokens.of(random.normal(size=(count, 9, 32))),
    }
    split = np.repeat([0, 1, 2], [ROWS, 64, 64]).astype(np.uint8)
    return Examples("noise", tokens, np.arange(count) % 13, tuple("abcdefghijklm"), split)
