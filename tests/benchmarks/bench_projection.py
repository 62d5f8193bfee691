"""Maps against umap-learn and pynndescent, each in a process of its own; placing, and embedding to a folder."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

__all__ = ["million", "projection"]

Rows = list[tuple[str, str, str]]
_DATA = (
    "import json, time\nstart = time.perf_counter()\nimport numpy as np\n"
    "random = np.random.default_rng(0)\ncentres = random.normal(size=(50, 512))\n"
    "x = (centres[random.integers(50, size={rows})] + random.normal(size=({rows}, 512)) "
    "* np.linspace(1.2, 0.05, 512)).astype(np.float32)\n"
)
_OURS = (
    _DATA
    + "from workbench.projection import project, trustworthiness\nfrom workbench.results import Embeddings\n"
    "made = Embeddings.from_array(x)\nfirst = time.perf_counter()\ndrawn = project(made, seed=0)\n"
    "whole = time.perf_counter() - start\nwarm = time.perf_counter()\nproject(made, seed=1)\n"
    "warm = time.perf_counter() - warm\n"
    "print(json.dumps([whole, warm, float(drawn.quality.preservation.mean()), drawn.neighbours.recall]))"
)
_THEIRS = (
    _DATA + "import umap\nfit = umap.UMAP(metric='cosine', random_state=0)\npoints = fit.fit_transform(x)\n"
    "whole = time.perf_counter() - start\nwarm = time.perf_counter()\n"
    "umap.UMAP(metric='cosine', random_state=1).fit_transform(x)\nwarm = time.perf_counter() - warm\n"
    "from workbench.projection import Projection\n"
    "drawn = Projection.from_points(points, vectors=x)\n"
    "print(json.dumps([whole, warm, float(drawn.quality.preservation.mean()), 1.0]))"
)
_GRAPHS = (
    _DATA + "from workbench.projection import nearest_neighbours\nimport pynndescent, torch\n"
    "x /= np.linalg.norm(x, axis=1, keepdims=True)\n"
    "nearest_neighbours(x[:2000], k=15)\nours = time.perf_counter()\nnearest_neighbours(x, k=15)\n"
    "ours = time.perf_counter() - ours\n"
    "pynndescent.NNDescent(x[:2000], metric='cosine', n_neighbors=16, random_state=0)\n"
    "theirs = time.perf_counter()\npynndescent.NNDescent(x, metric='cosine', n_neighbors=16, random_state=0)\n"
    "theirs = time.perf_counter() - theirs\nprint(json.dumps([ours, theirs]))"
)
_MILLION = (
    "import json, time, resource\nimport numpy as np\nrandom = np.random.default_rng(0)\n"
    "rows, features = 1_000_000, 512\n"
    "x = random.normal(size=(50, features)).astype(np.float32)[random.integers(50, size=rows)]\n"
    "width = np.linspace(1.2, 0.05, features, dtype=np.float32)\n"
    "for part in np.array_split(x, 20): part += random.standard_normal(part.shape, np.float32) * width\n"
    "from workbench.projection import project\nfrom workbench.results import Embeddings\n"
    "made = Embeddings.from_array(x)\ndel x\nstart = time.perf_counter()\ndrawn = project(made, seed=0)\n"
    "seconds = time.perf_counter() - start\n"
    "most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6\n"
    "asked = random.permutation(rows)[:2000]\nfrom scipy.spatial import cKDTree\n"
    "near = cKDTree(drawn.points).query(drawn.points[asked], k=16)[1][:, 1:]\n"
    "kept = [len(np.intersect1d(a, b)) / 15 for a, b in zip(near, drawn.neighbours.index[asked, :15])]\n"
    "print(json.dumps([seconds, most, drawn.neighbours.recall, float(np.mean(kept))]))"
)


def projection(_work: Path) -> Rows:
    """Time to the first map of 10,000 x 512 in a fresh process, against umap-learn's; larger maps; placing."""
    # In turn, twice, the faster of each: whoever comes first would pay for reading cold files.
    turns = [[_apart(code.format(rows=10_000)) for code in (_OURS, _THEIRS)] for _ in range(2)]
    ours, theirs = (min(runs) for runs in zip(*turns, strict=True))
    large = _apart(_OURS.format(rows=100_000))
    graph = _apart(_GRAPHS.format(rows=10_000))
    return [
        (
            "first map of 10,000 x 512, fresh process, umap-learn over ours",
            f"{theirs[0] / ours[0]:.1f} x",
            "aim 10",
        ),
        ("the same in seconds: ours, umap-learn", f"{ours[0]:.1f}, {theirs[0]:.1f} s", ""),
        ("second map in the same process, umap-learn over ours", f"{theirs[1] / ours[1]:.1f} x", ""),
        ("true neighbours kept: ours, umap-learn", f"{ours[2]:.3f}, {theirs[2]:.3f}", ""),
        ("first map of 100,000 x 512, fresh process", f"{large[0]:.0f} s", ""),
        ("recall of its approximate neighbours", f"{large[3]:.3f}", ""),
        ("neighbours of 10,000, both warm, pynndescent over ours", f"{graph[1] / graph[0]:.1f} x", ""),
        *_placing(),
        *_to_folder(),
    ]


def million(_work: Path) -> Rows:
    """A map of 1,000,000 x 512, fitted on 200,000 and the rest placed: seven minutes, 13 GB of memory."""
    seconds, gigabytes, recall, kept = _apart(_MILLION)
    return [
        ("map of 1,000,000 x 512, neighbours included", f"{seconds:.0f} s", ""),
        ("recall of its neighbours, measured on a sample", f"{recall:.3f}", "aim 0.97"),
        ("true neighbours kept on the map, of 2,000 rows", f"{kept:.4f}", "chance 0.00002"),
        ("most memory held", f"{gigabytes:.1f} GB", ""),
    ]


def _placing() -> Rows:
    from workbench import data, models
    from workbench.embedding import embed
    from workbench.projection import place, project

    model = models.load("emoji-clip")
    drawn = project(embed(model, data.load("emoji")), seed=0)
    place(drawn, "a red heart", model=model)
    times = [_seconds(lambda n=n: place(drawn, f"sentence {n}", model=model)) for n in range(20)]
    return [
        ("placing a sentence among 3,828 points, median of 20", f"{1000 * np.median(times):.0f} ms", "aim 50")
    ]


def _to_folder() -> Rows:
    """embed_to against open_clip's own few lines over the same files, in turn."""
    from workbench import data, models
    from workbench.embedding import embed_to

    model, ratios = models.load("emoji-clip"), []
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        emoji = data.load("emoji")[:1024]
        for item, text in enumerate(emoji.texts):
            emoji.picture(item).save(files / f"{item:04}.png")
            (files / f"{item:04}.txt").write_text(text, "utf-8")
        pairs = data.load(files)
        loop = _plain_loop(files)
        for turn in range(3):
            kept = _seconds(lambda to=f"{folder}/{turn}": embed_to(to, model, pairs, partition=256))
            ratios.append(_seconds(loop) / kept)
    return [
        ("embed_to() over a plain open_clip loop, same files, rate", f"{np.median(ratios):.2f} x", "aim 0.90")
    ]


def _plain_loop(files: Path) -> Callable[[], None]:
    """What open_clip's README does, batch after batch: open, transform, encode."""
    import open_clip
    import torch
    from PIL import Image

    import workbench

    name = f"local-dir:{Path(workbench.__file__).parent / 'models' / 'weights' / 'emoji-clip'}"
    model, _, transform = open_clip.create_model_and_transforms(name)
    words = open_clip.get_tokenizer(name)
    model.eval()
    pictures = sorted(files.glob("*.png"))
    texts = [picture.with_suffix(".txt").read_text("utf-8") for picture in pictures]

    def loop() -> None:
        with torch.inference_mode():
            for start in range(0, len(pictures), 64):
                some = slice(start, start + 64)
                batch = torch.stack([transform(Image.open(one).convert("RGB")) for one in pictures[some]])
                model.encode_image(batch, normalize=True)
                model.encode_text(words(texts[some]), normalize=True)

    return loop


def _apart(code: str) -> list[float]:
    """What a fresh Python prints last, as JSON."""
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(said.stdout.strip().splitlines()[-1])


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
