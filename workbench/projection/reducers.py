"""UMAP by our own layout, by umap-learn or by cuML, and t-SNE: each named on the map it draws."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from importlib import metadata
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from workbench.devices import choose_device
from workbench.errors import BadInputError, UnavailableError, did_you_mean
from workbench.formatting import one_line
from workbench.projection.pca import draw_pca, principal
from workbench.projection.projection_result import Method
from workbench.projection.reducer_interface import Drawn, Reducer, Task
from workbench.projection.umap.fuzzy_graph import curve, fuzzy_graph
from workbench.projection.umap.layout import lay_out
from workbench.projection.umap.spectral_start import is_rolled_up, spectral_start
from workbench.quiet import no_warnings

__all__ = ["REDUCERS", "begin", "chosen_reducer", "usual_epochs"]

_FIRST_THERE = "any"  # of t-SNE: openTSNE where it is installed, else scikit-learn; what None stands for
_ALSO = {"sklearn": "scikit-learn", "umap": "umap-learn"}  # packages by the name they are imported by
_SMALL, _EPOCHS, _FEWER = 10_000, 500, 200  # rounds up to so many rows and beyond, as umap-learn has them
_one_at_a_time = threading.Lock()  # umap-learn is not safe in two threads


def chosen_reducer(method: Method, name: str | None) -> tuple[str, Reducer, tuple[str, ...]]:
    """The name and the function of what draws `method`, and what to say of the choice.

    `name=None` takes cuML for UMAP where it imports and torch sees a GPU, else the first there is.

    Raises:
        BadInputError: an unknown method or reducer; the message lists those there are.
    """
    method = method_of(method)
    known = REDUCERS[method]
    if name is not None and name not in known:
        there = [one for one in known if one != _FIRST_THERE]
        near = did_you_mean(_ALSO.get(str(name), str(name)), there)
        raise BadInputError(f"reducer is {name!r}; {method} is drawn by {', '.join(map(repr, there))}.{near}")
    if name is None and method == "umap" and _has("cuml") and choose_device(None).type == "cuda":
        problem = _why_not("cuml")
        if not problem:
            return "cuml", _cuml_or_torch, ()
        remark = f"cuML is installed but does not import here ({problem}); torch drew the map instead."
        return "torch", known["torch"], (remark,)
    taken = name or next(iter(known))
    return taken, known[taken], ()


def method_of(method: Any) -> Method:
    """The method of this name, in whatever case and with whatever hyphens: "t-SNE" is "tsne".

    Raises:
        BadInputError: there is none.
    """
    found = {_plain(one): one for one in REDUCERS}.get(_plain(method)) if isinstance(method, str) else None
    if found is None:
        near = did_you_mean(str(method), REDUCERS)
        raise BadInputError(f"method is {method!r}; expected one of {', '.join(map(repr, REDUCERS))}.{near}")
    return cast(Method, found)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def usual_epochs(method: Method, rows: int) -> int:
    """Rounds of a layout of so many rows, where none are asked for."""
    return _EPOCHS if method != "umap" or rows <= _SMALL else _FEWER


def begin(task: Task, *, size: float = 10.0) -> NDArray[np.float32]:
    """row x 2 to start a layout from: the old map, else two principal components, spread over `size`; of a
    rolled-up surface, which they would lay on itself, the neighbour graph's own first directions.

    A little noise parts points that would start in one place, and could never be told apart.
    """
    points = task.start if task.start is not None else _unrolled(task)
    points = principal(task.vectors)[0] if points is None else points
    points = points - points.min(axis=0)
    scaled = points * (size / max(float(points.max()), 1e-12)) if task.start is None else points
    noise = np.random.default_rng(task.seed).normal(scale=1e-4 * size, size=points.shape)
    return (scaled + noise).astype(np.float32)


def _unrolled(task: Task) -> NDArray[np.float32] | None:
    if not is_rolled_up(task.neighbours, task.vectors.shape[1], squared=task.metric == "cosine"):
        return None
    return spectral_start(fuzzy_graph(task.neighbours, task.near))


def _torch_umap(task: Task) -> Drawn:
    a, b = curve(task.min_dist)
    epochs = task.epochs or usual_epochs("umap", len(task.vectors))
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
    name = "torch UMAP" if device == "cpu" else f"torch UMAP on {device}"
    return Drawn(points, name, {"epochs": epochs, "device": device}, _repeatable(device))


def _umap_learn(task: Task) -> Drawn:
    umap = _imported("umap", "umap-learn")
    index, apart = _with_self(task)
    fit = umap.UMAP(
        n_neighbors=index.shape[1],
        min_dist=task.min_dist,
        n_epochs=task.epochs,
        metric=task.metric,
        init=begin(task),
        random_state=task.seed,
        precomputed_knn=(index, apart),
    )
    with _one_at_a_time, no_warnings():  # that a seed costs the other cores stands in the notes
        points = fit.fit_transform(task.vectors)
    note = "umap-learn with a seed uses one core."
    return Drawn(points, f"umap-learn {metadata.version('umap-learn')}", {"epochs": task.epochs}, (note,))


def _cuml_umap(task: Task) -> Drawn:
    cuml = _imported("cuml", "cuml-cu12")
    index, apart = _with_self(task)
    fit = cuml.UMAP(
        n_neighbors=index.shape[1],
        min_dist=task.min_dist,
        n_epochs=task.epochs,
        init=begin(task),
        random_state=task.seed,
        precomputed_knn=(index, apart),
        output_type="numpy",
    )
    points = np.asarray(fit.fit_transform(task.vectors), np.float32)
    note = "cuML's maps have had outliers: see the quality figures."
    name = f"cuML UMAP {getattr(cuml, '__version__', '')}".strip()
    return Drawn(points, f"{name} on a GPU", {"epochs": task.epochs}, (note,))


def _cuml_or_torch(task: Task) -> Drawn:
    """cuML's map where nobody asked for cuML by name: if it fails, torch's, and the reason stands with it."""
    try:
        return _cuml_umap(task)
    except Exception as problem:  # its versions differ in what they take, its drivers in what they raise
        drawn = _torch_umap(task)
        said = one_line(f"{type(problem).__name__}: {problem}", most=160)
        note = f"cuML failed ({said}); torch drew the map instead. reducer='cuml' shows the whole error."
        return replace(drawn, parameters={**drawn.parameters, "reducer": "torch"}, notes=(*drawn.notes, note))


def _with_self(task: Task) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """row x near: the graph with every row its own first neighbour, as umap-learn and cuML want it.

    It is cut to what is asked for: umap-learn uses all it is given below 4,096 rows.
    """
    index = np.column_stack([np.arange(len(task.vectors)), task.neighbours.index[:, : task.near - 1]])
    apart = np.pad(task.neighbours.distance[:, : task.near - 1], ((0, 0), (1, 0)))
    return index.astype(np.int32), apart.astype(np.float32)


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
    import sys
    from importlib.util import find_spec

    return module in sys.modules or find_spec(module) is not None


def _why_not(module: str) -> str:
    """Why `module` does not import, in one line; "" if it does. A wrong driver raises anything."""
    import importlib

    try:
        importlib.import_module(module)
    except Exception as problem:
        return one_line(f"{type(problem).__name__}: {problem}", most=160)
    return ""


REDUCERS: dict[str, dict[str, Reducer]] = {
    "umap": {"torch": _torch_umap, "umap-learn": _umap_learn, "cuml": _cuml_umap},
    "pca": {"torch": draw_pca},
    "tsne": {_FIRST_THERE: _tsne, "openTSNE": _open_tsne, "scikit-learn": _sklearn_tsne},
}
"""Method to name to function; the first is the default."""
