"""A start that unrolls a surface: the slowest ways in which warmth would spread over the neighbour graph.

Two principal components lay the sheets of a rolled-up surface on each other, and a layout that begins there
tears it. The first eigenvectors of the graph's Laplacian follow the surface instead. What has more dimensions
than a map cannot be unrolled, and two components are as good a beginning.

Source: Belkin and Niyogi 2003, "Laplacian Eigenmaps", as McInnes et al. 2018 (UMAP, section 4.2) begin; the
dimension: Facco et al. 2017, "Estimating the intrinsic dimension by a minimal neighbourhood information".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, identity

from workbench.projection.neighbour_graph import Neighbours

__all__ = ["AT_MOST", "dimension", "is_rolled_up", "spectral_start"]

AT_MOST = 10_000
"""Rows up to which the eigenvectors cost a small part of the layout."""
_FEWEST = 50  # rows a dimension can be estimated from
_SURFACE = 3.0  # a little noise thickens it
_COPY = 1e-5  # of the usual distance: what is nearer is a copy, and its distance rounding


def dimension(neighbours: Neighbours) -> float:
    """How many dimensions the rows fill: from how much farther the second neighbour is than the first.

    `neighbours` hold the distances a layout goes by, which for directions are squared. NaN where that is
    not known, of copies and of fewer than two neighbours a row.
    """
    if neighbours.k < 2:
        return float("nan")
    first, second = neighbours.distance[:, :2].astype(np.float64).T
    apart = (first > _COPY * np.median(second)) & (second > first)
    ratios = np.log(second[apart] / first[apart])
    return float(len(ratios) / ratios.sum()) if len(ratios) >= _FEWEST else float("nan")


def is_rolled_up(neighbours: Neighbours, features: int, *, squared: bool) -> bool:
    """Whether the rows fill a surface in more than two dimensions. `squared`: so are the distances."""
    found = dimension(neighbours) * (2 if squared else 1)
    return features > 2 and len(neighbours) <= AT_MOST and found < _SURFACE


def spectral_start(graph: csr_matrix) -> NDArray[np.float32] | None:
    """row x 2: the second and third eigenvector of the normalised Laplacian, each from 0 to 1; None where
    there are none: a graph (row x row, symmetric) in several pieces has none that join them.
    """
    from scipy.sparse.csgraph import connected_components
    from scipy.sparse.linalg import ArpackError, eigsh

    rows = graph.shape[0]
    if rows < _FEWEST or connected_components(graph, directed=False)[0] > 1:
        return None
    root = diags(1 / np.sqrt(np.asarray(graph.sum(axis=1), np.float64).ravel()))
    spread = root @ graph.astype(np.float64) @ root + identity(rows)
    begin = np.random.default_rng(0).normal(size=rows)
    try:
        values, vectors = eigsh(spread, k=3, which="LA", v0=begin, tol=1e-8, ncv=min(rows - 1, 40))
    except ArpackError:  # it does not converge
        return None
    found = vectors[:, np.argsort(values)[::-1][1:]]
    found = found * np.sign(found[np.abs(found).argmax(axis=0), [0, 1]])
    found = (found - found.min(axis=0)) / np.maximum(np.ptp(found, axis=0), 1e-300)
    # To what every processor agrees on, since a layout would make much of the last digit.
    return np.round(found, 5).astype(np.float32)
