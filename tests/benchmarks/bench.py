"""`make bench`: what the numbers in the README, the design and the model cards rest on.

Ratios compare two things within this run, so they hold on any machine. Absolute times do not.
`--only NAME` runs one; `--list` names them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["WORKBENCH_CACHE"] = tempfile.mkdtemp(
    prefix="workbench-bench-"
)  # what a first visitor finds: nothing

# Found beside this file.
from bench_atlas import atlas  # noqa: E402
from bench_attribution import attribution, words  # noqa: E402
from bench_capture import capture  # noqa: E402
from bench_data import reading  # noqa: E402
from bench_fusion import fusion  # noqa: E402
from bench_generation import writing  # noqa: E402
from bench_lens import attention_lens  # noqa: E402
from bench_projection import million, projection  # noqa: E402
from bench_screen import screen  # noqa: E402

Rows = list[tuple[str, str, str]]


def main() -> int:
    """Run the benchmarks asked for and print one line a figure: name, value, aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHES), action="append")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--work", type=Path, default=ROOT / "build", help="what the recipes fetched")
    chosen = parser.parse_args()
    if chosen.list:
        print("\n".join(f"{name:<10} {bench.__doc__}" for name, bench in BENCHES.items()))
        return 0
    for name in chosen.only or BENCHES:
        print(f"\n{name}: {BENCHES[name].__doc__}")
        for what, value, aim in BENCHES[name](chosen.work):
            print(f"  {what:<62} {value:>16}   {aim}")
    return 0


def embedding(_work: Path) -> Rows:
    """Rate of embed() against the bare forward pass of the same model on ready tensors."""
    import numpy as np
    import torch

    from workbench import data, models
    from workbench.embedding import embed_pictures, forget

    model, pairs = models.load("emoji-clip"), data.load("emoji")
    batch = torch.rand(64, 3, 64, 64)
    bare, whole, again = [], [], []
    for _ in range(3):  # in turn, so that a drift of the machine meets both
        forget()
        _empty(Path(os.environ["WORKBENCH_CACHE"]))
        start = time.perf_counter()
        with torch.inference_mode():
            for _ in range(len(pairs) // 64):
                model.model.encode_image(batch)
        bare.append((len(pairs) // 64 * 64) / (time.perf_counter() - start))
        whole.append(len(pairs) / _seconds(lambda: embed_pictures(model, pairs)))
        again.append(_seconds(lambda: embed_pictures(model, pairs)))
    ratio = float(np.median(np.array(whole) / np.array(bare)))
    second = float(np.median(len(pairs) / np.array(whole) / np.array(again)))
    return [
        ("embed(), files to vectors, over bare forward rate", f"{ratio:.2f}", "aim 0.90"),
        ("second embed() of the same pictures over the first, speed", f"{second:,.0f} x", ""),
        ("bare forward on this machine", f"{np.median(bare):,.0f} pictures/s", ""),
    ]


def rescoring(_work: Path) -> Rows:
    """Re-scoring 10 labels x 80 templates x 1,000 pictures after a slider moved."""
    import numpy as np

    from workbench.axes import unit
    from workbench.results import Ranking
    from workbench.zeroshot import rescore

    random = np.random.default_rng(0)
    image = unit(random.normal(size=(1000, 512)).astype(np.float32))
    text = unit(random.normal(size=(10, 80, 512)).astype(np.float32))
    empty = np.zeros((1000, 10), np.float32)
    labels, templates = tuple(map(str, range(10))), tuple(f"{k} {{}}" for k in range(80))
    on = np.ones(80, bool)
    ranking = Ranking(labels, templates, image, text, empty, empty, empty, on, "softmax", 100.0, 0.0)
    rows = []
    for ensemble in ("embedding", "probability"):
        times = [
            _seconds(lambda e=ensemble: rescore(ranking, ensemble=e, temperature=2.0).best) for _ in range(30)
        ]
        rows.append(
            (f"ensemble={ensemble!r}, median of 30", f"{1000 * np.median(times):.1f} ms", "aim under 50 ms")
        )
    return rows


def first_answer(_work: Path) -> Rows:
    """From kernel start to the first zero-shot answer of the shipped model."""
    code = (
        "from workbench import data, models\nfrom workbench.zeroshot import classify\n"
        "print(classify(models.load('emoji-clip'), data.load('emoji')[:12], ['a cat', 'a pizza']))"
    )
    rows = []
    for name in ("first kernel", "second kernel"):
        start = time.perf_counter()
        _run_cells([code])
        rows.append((f"kernel start to first answer, {name}", f"{time.perf_counter() - start:.1f} s", ""))
    return rows


def tour(_work: Path) -> Rows:
    """What the tour sends to the browser, and how large the run notebook is."""
    import nbformat

    notebook = nbformat.read(ROOT / "notebooks" / "00_tour.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    start = time.perf_counter()
    sent, outputs = _run_cells(cells)
    seconds = time.perf_counter() - start
    size = len(nbformat.writes(notebook)) + outputs
    return [
        ("bytes sent to the browser", f"{sent / 1e6:.2f} MB", ""),
        ("notebook after the run, outputs stored", f"{size / 1e6:.2f} MB", "aim under 2 MB"),
        ("all cells, kernel start included", f"{seconds:.1f} s", "aim under 60 s"),
    ]


def cards(work: Path) -> Rows:
    """The figures in the model cards, measured again with the shipped files."""
    from workbench import models
    from workbench.models.cards import WEIGHTS
    from workbench.recipes.emoji_clip.score import measure as measure_emoji
    from workbench.recipes.photo_lite.score import measure as measure_photos
    from workbench.recipes.shapes_captioner.score import measure as measure_captioner
    from workbench.recipes.shapes_captioner.train import NAMES
    from workbench.recipes.shapes_clip.score import measure as measure_shapes

    measured = measure_emoji(WEIGHTS, work / "emoji-clip")
    measured["photo-lite"] = measure_photos(WEIGHTS, work / "photo-lite")
    measured["shapes-clip"] = measure_shapes(models.load("shapes-clip"))
    for name in NAMES.values():
        if (WEIGHTS / name).is_dir():
            measured[name] = measure_captioner(WEIGHTS / name)
    rows: Rows = []
    for name, figures in measured.items():
        carded = _flat(json.loads((WEIGHTS / name / "scores.json").read_text("utf-8")))
        for key, value in _flat(figures).items():
            same = "as in the card" if carded.get(key) == value else f"card says {carded.get(key)}"
            rows.append((f"{name} {key}", str(value), same if isinstance(value, float) else ""))
    return rows


def _flat(figures: dict, prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in figures.items():
        name = f"{prefix}{key}"
        found |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def _run_cells(cells: list[str]) -> tuple[int, int]:
    """Run cells in a fresh kernel: bytes of all messages to the front end, and of the outputs kept."""
    from jupyter_client.manager import start_new_kernel

    sent = stored = 0
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    manager, client = start_new_kernel(kernel_name="python3", env=environment, cwd=str(ROOT / "notebooks"))
    try:
        for cell in cells:
            asked = client.execute(cell)
            while True:
                message = client.get_iopub_msg(timeout=300)
                content = json.dumps(message["content"], default=str)
                sent += len(content) + sum(len(part) for part in message["buffers"])
                if message["msg_type"] in ("display_data", "execute_result", "stream"):
                    stored += len(content)
                if message["msg_type"] == "error":
                    raise RuntimeError(f"{cell}\n" + "\n".join(message["content"]["traceback"]))
                mine = message["parent_header"].get("msg_id") == asked
                if (
                    mine
                    and message["msg_type"] == "status"
                    and message["content"]["execution_state"] == "idle"
                ):
                    break
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return sent, stored


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _empty(folder: Path) -> None:
    for file in folder.rglob("*.npz"):
        file.unlink()


BENCHES: dict[str, Callable[[Path], Rows]] = {
    "reading": reading,
    "embedding": embedding,
    "rescoring": rescoring,
    "first_answer": first_answer,
    "tour": tour,
    "capture": capture,
    "attention_lens": attention_lens,
    "attribution": attribution,
    "words": words,
    "writing": writing,
    "projection": projection,
    "million": million,
    "atlas": atlas,
    "fusion": fusion,
    "screen": screen,
    "cards": cards,
}

if __name__ == "__main__":
    sys.exit(main())
