"""UMAP by our own layout, by umap-learn or by cuML, and t-SNE: each named on the map it draws."""

from __future__ import annotations

import threading
import warnings
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadInputError, UnavailableError
from workbench.projection.drawn import Drawn, Reducer, Task
from workbench.projection.fuzzy import curve, fuzzy_graph
from workbench.projection.layout import lay_out
from workbench.projection.linear import draw_pca, principal
from workbench.projection.result import Method
from workbench.runtime import choose_device

__all__ = ["REDUCERS", "begin", "reducer_of"]

_SMALL, _EPOCHS, _FEWER = 10_000, 500, 200  # rounds up to so many rows and beyond, as umap-learn has them
_one_at_a_time = threading.Lock()  # umap-learn is not safe in two threads


def reducer_of(method: Method, name: str | None) -> Reducer:
    """The function that draws `method`; `name=None` takes the first there is.

    Raises:
        BadInputError: an unknown method or reducer; the message lists those there are.
    """
    if method not in REDUCERS:
        raise BadInputError(f"method is {method!r}; expected one of {', '.join(map(repr, REDUCERS))}.")
    known = REDUCERS[method]
    if name is not None and name not in known:
        raise BadInputError(f"reducer is {name!r}; {method} is drawn by {', '.join(map(repr, known))}.")
    return known[name or next(iter(known))]


def begin(task: Task, *, size: float = 10.0) -> NDArray[np.float32]:
    """row x 2 to start a layout from: the old map, else two principal components, spread over `size`.

    A little noise parts points that would start in one place, and could never be told apart.
    """
    points = task.start if task.start is not None else principal(task.vectors)[0]
    points = points - points.min(axis=0)
    scaled = points * (size / max(float(points.max()), 1e-12)) if task.start is None else points
    noise = np.random.default_rng(task.seed).normal(scale=1e-4 * size, size=points.shape)
    return (scaled + noise).astype(np.float32)


def _torch_umap(task: Task) -> Drawn:
    a, b = curve(task.min_dist)
    epochs = task.epochs or (_EPOCHS if len(task.vectors) <= _SMALL else _FEWER)
    device = choose_device(None).type
    points = lay_out(
        fuzzy_graph(task.neighbours, task.near),
        begin(task),
        a=a,
        b=b,
        epochs=epochs,
        seed=task.seed,
        device=device,
        on_event=task.on_event,
        should_stop=task.should_stop,
    )
    return Drawn(points, "torch UMAP", {"epochs": epochs, "device": device}, _repeatable(device))


def _umap_learn(task: Task) -> Drawn:
    umap = _imported("umap", "umap-learn")
    index = np.column_stack([np.arange(len(task.vectors)), task.neighbours.index[:, : task.near - 1]])
    apart = np.pad(task.neighbours.distance[:, : task.near - 1], ((0, 0), (1, 0)))
    # Neighbours are cut to what is asked for: umap-learn uses all it is given below 4,096 rows.
    fit = umap.UMAP(
        n_neighbors=index.shape[1],
        min_dist=task.min_dist,
        n_epochs=task.epochs,
        metric="cosine",
        init=begin(task),
        random_state=task.seed,
        precomputed_knn=(index.astype(np.int32), apart.astype(np.float32)),
    )
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed costs the other cores stands in the notes
        points = fit.fit_transform(task.vectors)
    note = "umap-learn with a seed uses one core."
    return Drawn(points, f"umap-learn {metadata.version('umap-learn')}", {"epochs": task.epochs}, (note,))


def _cuml_umap(task: Task) -> Drawn:
    cuml = _imported("cuml", "cuml-cu12")
    fit = cuml.UMAP(
        n_neighbors=task.near,
        min_dist=task.min_dist,
        n_epochs=task.epochs,
        init=begin(task),
        random_state=task.seed,
    )
    points = np.asarray(fit.fit_transform(task.vectors))
    note = "cuML searched its own neighbours, and its maps have had outliers: see the quality figures."
    return Drawn(points, f"cuML UMAP {metadata.version(_dist('cuml'))}", {"epochs": task.epochs}, (note,))


def _open_tsne(task: Task) -> Drawn:
    open_tsne = _imported("openTSNE", "openTSNE")
    perplexity = _perplexity(task)
    points = open_tsne.TSNE(
        perplexity=perplexity,
        n_iter=task.epochs or 500,
        n_jobs=-1,
        random_state=task.seed,
        initialization=_tsne_start(task),
    ).fit(task.vectors)
    name = f"openTSNE {metadata.version('openTSNE')}"
    return Drawn(np.asarray(points), name, {"perplexity": perplexity, "epochs": task.epochs or 500})


def _sklearn_tsne(task: Task) -> Drawn:
    from sklearn.manifold import TSNE

    perplexity = _perplexity(task)
    points = TSNE(
        perplexity=perplexity,
        max_iter=max(250, task.epochs or 500),
        init=_tsne_start(task),
        random_state=task.seed,
        n_jobs=-1,
    ).fit_transform(task.vectors)
    name = f"scikit-learn {metadata.version('scikit-learn')} t-SNE"
    return Drawn(points, name, {"perplexity": perplexity, "epochs": max(250, task.epochs or 500)})


def _tsne(task: Task) -> Drawn:
    return _open_tsne(task) if _has("openTSNE") else _sklearn_tsne(task)


def _perplexity(task: Task) -> float:
    """A third of the points at most: t-SNE refuses more."""
    return float(max(1.0, min(30.0, (len(task.vectors) - 1) / 3)))


def _tsne_start(task: Task) -> NDArray[np.float32]:
    points = task.start if task.start is not None else principal(task.vectors)[0]
    centred = points - points.mean(axis=0)
    return (centred * (1e-4 / max(float(centred.std()), 1e-12))).astype(np.float32)


def _repeatable(device: str) -> tuple[str, ...]:
    if device == "cpu":
        return ()
    return ("On a GPU sums are added in no fixed order, so the same seed gives nearly the same map.",)


def _imported(module: str, package: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise UnavailableError(
            f"{package} cannot be imported here ({problem}). Install it (pip install {package}), "
            "or leave the reducer out to take the one that ships."
        ) from problem


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _dist(module: str) -> str:
    return metadata.packages_distributions().get(module, [module])[0]


REDUCERS: dict[str, dict[str, Reducer]] = {
    "umap": {"torch": _torch_umap, "umap-learn": _umap_learn, "cuml": _cuml_umap},
    "pca": {"torch": draw_pca},
    "tsne": {"any": _tsne, "openTSNE": _open_tsne, "scikit-learn": _sklearn_tsne},
}
"""Method to name to function; the first is the default."""
