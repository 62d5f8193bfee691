"""The sections of `make gpu`: each checks that a verb is right on the card, and times it beside its peer."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from families import FAMILIES, made
from gpu import ROOT, Row
from gpu_models import awake, big_encoder, jpegs, tensors_of

Rows = list[Row]
HALF = {torch.bfloat16: 0.04, torch.float16: 0.006}
"""Largest relative difference from float32: some ten roundings of each type, one after the other."""
SAME = 1e-3
"""The same arithmetic on two devices: float32, sums in another order."""


@dataclass
class Setting:
    """Where this runs, and how large everything is."""

    device: torch.device
    dry: bool

    @classmethod
    def here(cls, dry: bool) -> Setting:
        """The card; the CPU in a dry run."""
        if not dry and not torch.cuda.is_available():
            raise SystemExit(
                "torch sees no CUDA card here. `make gpu ARGS=--dry` runs all of this on the CPU."
            )
        torch.manual_seed(0)
        return cls(torch.device("cpu" if dry else "cuda"), dry)

    def size(self, here: int, dry: int) -> int:
        """A number of things: on a card, and in a dry run."""
        return dry if self.dry else here

    def watched(self, section: Callable[[Setting], Rows]) -> Rows:
        """The rows of a section; those without a peak of their own get the section's."""
        self.fresh()
        rows, peak = section(self), self.peak()
        return [
            row if row.peak is not None else Row(row.what, row.value, row.beside, row.holds, peak)
            for row in rows
        ]

    def fresh(self) -> None:
        """Nothing is held, and peaks are counted from here."""
        from workbench.runtime import free

        free()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        """Bytes taken at most since `fresh`."""
        return torch.cuda.max_memory_allocated() if self.device.type == "cuda" else None

    def seconds(self, work: Callable[[], Any], times: int = 3) -> float:
        """Median time of `work` with nothing left to do on the card; once beforehand to warm up."""
        work()
        taken = []
        for _ in range(1 if self.dry else times):
            self._wait()
            start = time.perf_counter()
            work()
            self._wait()
            taken.append(time.perf_counter() - start)
        return float(np.median(taken))

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def precision(setting: Setting) -> Rows:
    """Every family in half precision against float32 on the same device, and float32 against the CPU's."""
    rows = []
    for name in FAMILIES:
        model, inputs = awake(name)
        on_cpu = _settled(name, tensors_of(model, inputs))
        model = model.to(setting.device)
        exact = _settled(name, tensors_of(model, inputs))
        apart = {"float32 against the CPU's": (_apart(exact, on_cpu), SAME)}
        for dtype, bound in HALF.items():
            half, _ = awake(name)
            found = _settled(name, tensors_of(half.to(setting.device, dtype), inputs))
            apart[str(dtype).removeprefix("torch.")] = (_apart(found, exact), bound)
        rows.append(_judged(f"{name}: output, relative difference", apart))
    return rows


def _settled(name: str, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Without what a family draws by chance: ViLT reads the patches in a random order, its pooled vector not."""
    return [one for one in tensors if one.ndim < 3] if name == "vilt" else tensors


def capture(setting: Setting) -> Rows:
    """Attention of every family against the CPU's; and what keeping it costs on a ViT-B/16."""
    import transformers as tf

    from workbench.capture.capture_attention import capture as captured

    worst, count = 0.0, 0
    for name in FAMILIES:
        model, inputs = made(name)
        there = captured(model, inputs)
        model, inputs = made(name)
        here = captured(model.to(setting.device), _moved(inputs, setting.device))
        if [one.name for one in here.sites] != [one.name for one in there.sites]:
            return [Row(f"capture of {name}", "other sites than on the CPU", "", False)]
        for site, kept in there.maps.items():
            worst = max(worst, float(np.abs(here.maps[site].values - kept.values).max()))
            count += 1
    torch.manual_seed(0)
    small = tf.ViTConfig(num_hidden_layers=2, hidden_size=48, num_attention_heads=4, intermediate_size=64)
    model = tf.ViTModel(small if setting.dry else tf.ViTConfig()).eval().to(setting.device)
    pixels = {"pixel_values": torch.randn(1, 3, 224, 224, device=setting.device)}
    plain = setting.seconds(lambda: tensors_of(model, pixels), 10)
    whole = setting.seconds(lambda: captured(model, pixels))
    trace = captured(model, pixels)
    return [
        Row(f"capture: {count} attentions of {len(FAMILIES)} families, largest difference from the CPU's",
            f"{worst:.1g}", f"at most {SAME:g}", worst <= SAME),
        Row("capture(), both passes and the copy to NumPy, over a plain forward", f"{whole / plain:.1f} x",
            f"ViT-B/16, {trace.bytes / 1e6:.0f} MB kept"),
        Row("output with capture on, relative difference", f"{trace.difference:.1g}", "at most 1e-4",
            trace.difference <= 1e-4),
    ]  # fmt: skip


def attribution(setting: Setting) -> Rows:
    """Every method: its map against the CPU's on shapes-clip, and its time on a ViT-B/16 in forwards."""
    from workbench import data, models
    from workbench.attribution import METHODS, attribute

    pairs = data.load("shapes")
    here = models.load("shapes-clip", device=setting.device, dtype="float32")
    there = models.load("shapes-clip", device="cpu", dtype="float32")
    large = big_encoder(setting.device, torch.float32, dry=setting.dry)
    one = large.pixels([pairs.picture(0)]), large.words([pairs.texts[0]])

    def forward() -> None:
        with torch.inference_mode():
            large.image_features(one[0]), large.text_features(one[1])

    plain = setting.seconds(forward, 10)
    rows = []
    for name in METHODS:
        options: dict[str, Any] = (
            {"method": name, "samples": setting.size(512, 128)} if name in _SAMPLED else {"method": name}
        )
        mine, theirs = (attribute(model, pairs[0], **options) for model in (here, there))
        apart = max(_map_apart(mine, theirs, side) for side in ("image", "text"))
        setting.fresh()
        timed = setting.seconds(lambda options=options: attribute(large, pairs[0], **options), 1)
        rows.append(
            Row(f"attribute({name!r}) over a forward of the pair, ViT-B/16", f"{timed / plain:.1f} x",
                f"map against the CPU's {apart:.1g}, at most 0.01", apart <= 0.01, setting.peak())
        )  # fmt: skip
    return rows


_SAMPLED = ("kernel-shap", "interactions")


def project(setting: Setting) -> Rows:
    """UMAP by torch on the card beside umap-learn and, where it is installed, cuML: time and truthfulness."""
    from workbench.projection import project as drawn
    from workbench.projection.neighbour_search import nearest_neighbours

    rows, maps, taken = [], {}, {}
    few, many = _clusters(setting.size(10_000, 300)), _clusters(setting.size(200_000, 500))
    for reducer, module in (("torch", "torch"), ("umap-learn", "umap"), ("cuml", "cuml")):
        if importlib.util.find_spec(module) is None:
            rows.append(Row(f"project by {reducer}", "not installed here"))
            continue
        drawn(_clusters(200), reducer=reducer, seed=0)  # umap-learn compiles itself on its first map
        start = time.perf_counter()
        maps[reducer] = drawn(few, reducer=reducer, seed=0)
        taken[reducer] = time.perf_counter() - start
    kept = {name: float(one.quality.preservation.mean()) for name, one in maps.items()}
    rows += [
        Row(f"project {len(few.vectors):,} rows by {name}, over torch's time", f"{taken[name] / taken['torch']:.2f} x",
            f"{taken[name]:.1f} s, {one.reducer}; {kept[name]:.3f} of the neighbours kept, at least 0.9 of the best",
            kept[name] >= 0.9 * max(kept.values()))
        for name, one in maps.items()
    ]  # fmt: skip
    start = time.perf_counter()
    nearest_neighbours(many.vectors, k=15)
    found_in = time.perf_counter() - start
    rows.append(Row(f"neighbours of {len(many.vectors):,} rows of 512", f"{found_in:.1f} s"))
    return rows


def embed(setting: Setting) -> Rows:
    """From JPEG files to vectors, over bare forwards of the same model on ready tensors."""
    from workbench import data
    from workbench.embedding import embed_pictures, forget

    dtype = torch.float32 if setting.dry else torch.bfloat16
    model = big_encoder(setting.device, dtype, dry=setting.dry)
    folder = jpegs(setting.size(1200, 12), setting.size(500, 60))
    pairs = data.load(folder)
    batch = setting.size(256, 4)
    ready = model.pixels([pairs.picture(0)])["pixel_values"].expand(batch, -1, -1, -1).contiguous()

    def bare() -> None:
        with torch.inference_mode():
            model.image_features({"pixel_values": ready})

    rate = batch / setting.seconds(bare, 10)
    forget()
    start = time.perf_counter()
    embed_pictures(model, pairs, batch_size=batch)
    whole = len(pairs) / (time.perf_counter() - start)
    start = time.perf_counter()
    for picture in range(min(200, len(pairs))):
        pairs.picture(picture)
    decoded = min(200, len(pairs)) / (time.perf_counter() - start)
    return [
        Row("embed(), JPEG files to vectors, over the bare forward's rate", f"{whole / rate:.2f}",
            f"{whole:,.0f} of {rate:,.0f} pictures/s, ViT-B/16 in {str(dtype).removeprefix('torch.')}"),
        Row("decoding alone, one thread, over the bare forward's rate", f"{decoded / rate:.2f}",
            f"{decoded:,.0f} pictures/s: what embed() waits for"),
    ]  # fmt: skip


def compare(setting: Setting) -> Rows:
    """A small comparison of fusions here, beside the same in a process that sees no card."""
    code = (
        "import sys, time, torch; from workbench.fusion import Plan, compare\n"
        "from workbench import data\n"
        "from workbench.data.digits import load_digits_words\n"
        "pairs, plan = load_digits_words(n={n}), Plan(epochs={epochs}, contributions=False)\n"
        "start = time.perf_counter()\n"
        "report = compare(pairs, {fusions}, seeds={seeds}, plan=plan)\n"
        "peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0\n"
        "print('RESULT', time.perf_counter() - start, float(report.metrics['accuracy'].mean()), peak)\n"
    )
    filled = code.format(
        n=setting.size(1500, 300), epochs=setting.size(6, 1), seeds=setting.size(3, 1),
        fusions=["mean-logits", "cross-attention"][: setting.size(2, 1)],
    )  # fmt: skip
    here, accuracy, peak = _child(filled, hidden=setting.dry)
    there, on_cpu, _ = _child(filled, hidden=True)
    near = abs(accuracy - on_cpu) < 0.05
    return [
        Row("compare() on the card over the same on the CPU, time", f"{here / there:.2f} x",
            f"accuracy {accuracy:.3f} and {on_cpu:.3f}, at most 0.05 apart", near or setting.dry, int(peak) or None)
    ]  # fmt: skip


def prove(setting: Setting) -> Rows:
    """`prove` on this machine: it trains nets of a few thousand weights on the CPU, by design."""
    from workbench.fusion import prove as proved

    chosen = ["mean-logits"]
    proof = proved(chosen)
    return [
        Row(f"prove({chosen}), failures among {len(proof.rows)} rows", str(len(proof.failures)),
            f"{proof.seconds:.0f} s on the CPU beside the card", not proof.failures)
    ]  # fmt: skip


def out_of_memory(setting: Setting) -> Rows:
    """A batch that does not fit is halved until it does, and the vectors are those of small batches."""
    from workbench import data
    from workbench.embedding import embed_pictures, forget

    model = big_encoder(setting.device, torch.float32, dry=setting.dry)
    pairs = data.load(jpegs(setting.size(600, 12), 64))
    few = embed_pictures(model, pairs, batch_size=4)
    forget()
    _empty_cache()
    told: list[str] = []
    with _little_memory(setting, model):
        whole = embed_pictures(model, pairs, batch_size=len(pairs), notes=told)
    halved = [note for note in told if "out of memory" in note]
    apart = float(np.abs(whole - few).max())
    return [
        Row("a batch that does not fit, halvings until it does", str(len(halved)), told[-1] if told else "none",
            bool(halved)),
        Row("its vectors against those of small batches, largest difference", f"{apart:.1g}",
            f"at most {SAME:g}", apart <= SAME),
    ]  # fmt: skip


def _apart(found: Sequence[torch.Tensor], exact: Sequence[torch.Tensor]) -> float:
    """Largest relative difference of any output tensor, by norms (a norm below 1 counts as 1); NaN never passes."""
    worst = 0.0
    for mine, right in zip(found, exact, strict=True):
        mine, right = mine.double().cpu(), right.double().cpu()
        share = float((mine - right).norm() / right.norm().clamp_min(1))
        worst = max(worst, share) if share == share else float("inf")
    return worst


def _judged(what: str, apart: dict[str, tuple[float, float]]) -> Row:
    value = ", ".join(f"{name} {share:.2g}" for name, (share, _) in apart.items())
    bounds = ", ".join(f"{bound:g}" for _, bound in apart.values())
    return Row(what, value, f"at most {bounds}", all(share <= bound for share, bound in apart.values()))


def _map_apart(mine: Any, theirs: Any, side: str) -> float:
    first, second = getattr(mine, side), getattr(theirs, side)
    if first is None or second is None:
        return 0.0 if first is second else float("inf")
    return float(np.abs(first - second).max() / max(float(np.abs(second).max()), 1e-12))


def _moved(inputs: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    return {name: value.to(device) for name, value in inputs.items()}


def _clusters(rows: int) -> Any:
    from workbench.results import Embeddings

    random = np.random.default_rng(0)
    centres = random.normal(size=(40, 512))
    return Embeddings.from_array(
        centres[random.integers(40, size=rows)] + 0.6 * random.normal(size=(rows, 512))
    )


def _child(code: str, *, hidden: bool) -> tuple[float, float, float]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    if hidden:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr.strip().splitlines()[-1])
    line = next(line for line in ran.stdout.splitlines() if line.startswith("RESULT"))
    seconds, value, peak = map(float, line.split()[1:])
    return seconds, value, peak


def _empty_cache() -> None:
    for file in Path(os.environ["WORKBENCH_CACHE"]).rglob("*.npz"):
        file.unlink()


@contextmanager
def _little_memory(setting: Setting, model: Any) -> Iterator[None]:
    """A card on which 600 MiB are free; in a dry run a model that refuses batches above four."""
    if setting.dry:
        whole = model.image_features

        def refusing(inputs: Any) -> torch.Tensor:
            if len(inputs["pixel_values"]) > 4:
                raise torch.OutOfMemoryError("CUDA out of memory (a dry run says so).")
            return whole(inputs)

        model.image_features = refusing
        try:
            yield
        finally:
            del model.image_features
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 600 * 2**20) / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


SECTIONS: dict[str, Callable[[Setting], Rows]] = {
    "precision": precision,
    "capture": capture,
    "attribution": attribution,
    "embed": embed,
    "out_of_memory": out_of_memory,
    "project": project,
    "prove": prove,
    "compare": compare,
}
