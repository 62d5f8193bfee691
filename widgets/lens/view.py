"""What the attention lens shows, as plain values and packed bytes: pure functions of a trace."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench._repr import human_bytes
from workbench.capture import AttentionMap, TokenLayout, Trace, head_statistics, rollout
from workbench.errors import BadInputError

__all__ = [
    "COLOURS",
    "Group",
    "Packed",
    "decode",
    "groups_of",
    "lens_view",
    "pack",
    "shown_weights",
    "token_ids",
]

# Ten steps of viridis (matplotlib, CC0): lightness rises evenly, so equal steps look equal.
COLOURS = ("#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b",
           "#fde725")  # fmt: skip
AIM, MOST = 4_000_000, 7_500_000  # bytes of all maps: wanted, and never exceeded in a message
RAW_MOST = 120_000_000
LEVELS = (255, 127, 63)
_TOPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
STATISTICS = ("entropy", "distance", "cross", "own")


@dataclass(frozen=True, eq=False)
class Group:
    """Sites that form one layer x head grid: same sequences, same rows.

    Attributes:
        queries, keys: places of the tokens kept; padding that nobody attends to is left out.
    """

    key: str
    title: str
    maps: tuple[AttentionMap, ...]
    queries: NDArray[np.int64]
    keys: NDArray[np.int64]

    @property
    def square(self) -> bool:
        """Whether rollout can be computed: every token asks and is asked."""
        return np.array_equal(self.queries, self.keys) and self.maps[0].site.kind == "self"

    @property
    def sites(self) -> list[str]:
        """Names, from the first layer to the last."""
        return [one.site.name for one in self.maps]

    def values(self, layer: int) -> NDArray[np.floating[Any]]:
        """head x query x key of the tokens kept."""
        one = self.maps[layer]
        rows = np.flatnonzero(np.isin(one.queries, self.queries))
        return one.values[:, rows][:, :, self.keys]


@dataclass(frozen=True, eq=False)
class Packed:
    """All maps as bytes: one zlib stream a group, one after the other.

    A weight v is sent as round(levels * sqrt(v)): it returns to within sqrt(v) / levels + 1 / (2 levels)^2 of
    itself, which is finer for small weights than for large ones, and exact for 0.
    """

    levels: int
    content: bytes
    lengths: tuple[int, ...]


def groups_of(trace: Trace) -> tuple[Group, ...]:
    """The sites of a trace as grids, in the order of the forward pass."""
    found: dict[tuple[Any, ...], list[AttentionMap]] = {}
    for one in trace.maps.values():
        query, key = one.query, one.key
        alike = (query.side, key.side, one.site.kind, one.site.heads, query.count, key.count,
                 tuple(one.queries), one.site.name.split(".")[0])  # fmt: skip
        found.setdefault(alike, []).append(one)
    groups: list[Group] = []
    for maps in found.values():
        queries, keys = _kept(maps)
        site, name = maps[0].site, _key(maps[0])
        number = sum(group.key.split("#")[0] == name for group in groups)
        title = _title(site.query.side, site.key.side, site.kind) + (f", {number + 1}" if number else "")
        name += f"#{number + 1}" if number else ""
        groups.append(Group(name, title, tuple(maps), queries, keys))
    return tuple(groups)


def pack(groups: Sequence[Group]) -> Packed:
    """All attention as bytes for one message; coarser steps where fine ones would not fit.

    Raises:
        BadInputError: more than a message can carry.
    """
    raw = sum(len(one.maps) * one.maps[0].site.heads * len(one.queries) * len(one.keys) for one in groups)
    if raw > RAW_MOST:
        raise BadInputError(_too_much(raw))
    levels, parts = LEVELS[0], [b""]
    for levels in LEVELS:
        parts = [_packed(group, levels) for group in groups]
        if sum(map(len, parts)) <= AIM:
            break
    total = sum(map(len, parts))
    if total > MOST:
        raise BadInputError(_too_much(total))
    return Packed(levels, b"".join(parts), tuple(map(len, parts)))


def decode(packed: Packed, group: Group, number: int) -> NDArray[np.float32]:
    """layer x head x query x key: what the browser makes of the bytes of group `number`."""
    start = sum(packed.lengths[:number])
    codes = np.frombuffer(zlib.decompress(packed.content[start : start + packed.lengths[number]]), np.uint8)
    shape = (len(group.maps), group.maps[0].site.heads, len(group.queries), len(group.keys))
    return np.square(codes.reshape(shape).astype(np.float32) / np.float32(packed.levels))


def token_ids(layout: TokenLayout, kind: str = "self") -> list[str]:
    """A name for each token that it keeps in every sequence it stands in: "p:4" a patch, "w:1" a word."""
    ids = [f"{'q' if kind == 'pooling' else 'o'}:{layout.side}:{place}" for place in range(layout.count)]
    for number in range(len(layout.words)):
        ids[layout.first_word + number] = f"w:{number}"
    for number, place in enumerate(layout.patches):
        ids[int(place)] = f"p:{number}"
    return ids


def lens_view(trace: Trace, groups: Sequence[Group], packed: Packed) -> dict[str, Any]:
    """Everything the front end draws but the maps themselves, as JSON."""
    grid = next((g for one in trace.sites for g in (one.query.grid, one.key.grid) if g is not None), None)
    shape = None if trace.picture is None else trace.picture.shape[:2]
    return {
        "model": trace.provenance.model or "maps made by hand",
        "text": trace.text,
        "score": trace.score,
        "notes": list(trace.notes),
        "grid": grid,
        "shape": shape,
        "credit": getattr(trace.pair, "credit", ""),
        "colours": COLOURS,
        "levels": packed.levels,
        "bytes": len(packed.content),
        "difference": trace.difference if trace.provenance.model else None,
        "tokens": _tokens(groups),
        "groups": [_group_view(group, length) for group, length in zip(groups, packed.lengths, strict=True)],
    }


def shown_weights(group: Group, selected: Mapping[str, Any]) -> NDArray[np.float32]:
    """One number for each token of the sequence: the row (or column) on the screen, from the trace itself.

    Places that the capture left out stay 0.
    """
    one, token = group.maps[group.sites.index(selected["site"])], int(selected["token"])
    backwards = bool(selected["backwards"])
    side = one.query if backwards else one.key
    out = np.zeros(side.count, np.float32)
    if selected["reading"] == "rollout":
        layers = group.maps[: group.sites.index(selected["site"]) + 1]
        flow = rollout(layers)
        return flow[:, token].copy() if backwards else flow[token].copy()
    values = one.values.astype(np.float32)
    heads = values[selected["head"]] if selected["reading"] == "head" else values.mean(axis=0)
    if backwards:
        out[one.queries] = heads[:, token]
    else:
        out[:] = heads[int(np.flatnonzero(one.queries == token)[0])]
    return out


def _group_view(group: Group, length: int) -> dict[str, Any]:
    first = group.maps[0]
    figures = [head_statistics(one) for one in group.maps]
    return {
        "key": group.key,
        "title": group.title,
        "kind": first.site.kind,
        "sites": group.sites,
        "heads": first.site.heads,
        "queries": group.queries.tolist(),
        "keys": group.keys.tolist(),
        "query_ids": [token_ids(first.query, first.site.kind)[place] for place in group.queries],
        "key_ids": [token_ids(first.key)[place] for place in group.keys],
        "query_patches": first.query.grid is not None,
        "key_patches": first.key.grid is not None,
        "square": group.square,
        "causal": first.causal,
        "pooled": _start(first, group),
        "top": _top(group),
        "length": length,
        "figures": {name: [_plain(getattr(one, name)) for one in figures] for name in STATISTICS},
        "uniform": _number(max(one.uniform for one in figures)),
        "even_distance": _number(figures[0].even_distance),
    }


def _tokens(groups: Sequence[Group]) -> dict[str, Any]:
    """What stands on the screen for each token that is no patch: its name, kind and panel."""
    tokens: dict[str, Any] = {}
    for group in groups:
        site = group.maps[0].site
        for layout, places, kind in (
            (site.query, group.queries, site.kind),
            (site.key, group.keys, "self"),
        ):
            ids, names, kinds = token_ids(layout, kind), layout.names, layout.kinds
            for place in places:
                if not ids[place].startswith("p:") and ids[place] not in tokens:
                    name = "pooler" if ids[place].startswith("q:") else names[place]
                    panel = "picture" if layout.side == "image" else "words"
                    tokens[ids[place]] = {"name": name, "kind": kinds[place], "panel": panel}
    return tokens


def _kept(maps: Sequence[AttentionMap]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of queries and keys to send: padding goes, unless a token that is none attends to it."""
    query, key = maps[0].query, maps[0].key
    queries, keys = maps[0].queries, np.arange(key.count)
    real = queries[~np.isin(queries, query.padded)]
    padded = np.isin(keys, key.padded)
    if not len(real) or not padded.any():
        return np.asarray(real if len(real) else queries), keys
    rows = np.isin(queries, real)
    seen = any(float(one.values[:, rows][:, :, padded].max()) > 1e-6 for one in maps)
    return (np.asarray(queries), keys) if seen else (np.asarray(real), keys[~padded])


def _packed(group: Group, levels: int) -> bytes:
    codes = [
        np.round(np.sqrt(group.values(layer).astype(np.float32)) * levels).astype(np.uint8).tobytes()
        for layer in range(len(group.maps))
    ]
    return zlib.compress(b"".join(codes), 6)


def _top(group: Group) -> float:
    """Where the shared colour scale ends: a round number that 199 of 200 weights stay below."""
    values = np.concatenate([group.values(layer).ravel()[::7] for layer in range(len(group.maps))])
    high = float(np.quantile(values.astype(np.float32), 0.995))
    return next((top for top in _TOPS if top >= high), 1.0)


def _start(first: AttentionMap, group: Group) -> int:
    """The token looked at first: the one that is read out, else the last word, else the middle patch."""
    query = first.query
    if query.pooled is not None and query.pooled in group.queries:
        return query.pooled
    last = query.first_word + len(query.words) - 1
    if query.words and last in group.queries:
        return last
    return int(group.queries[len(group.queries) // 2])


def _key(one: AttentionMap) -> str:
    query, key, kind = one.query.side, one.key.side, one.site.kind
    return query if kind == "self" else f"{query}.pool" if kind == "pooling" else f"{query}-{key}"


def _title(query: str, key: str, kind: str) -> str:
    if kind == "pooling":
        return f"pooling head of the {query} tower"
    if kind == "cross":
        return f"{query} reads {key}"
    return {"image": "picture to picture", "text": "text to text"}.get(query, "picture and text together")


def _too_much(size: int) -> str:
    return (
        f"These maps would take {human_bytes(size)}, more than a browser is sent in one message. Show fewer "
        "layers, AttentionLens(trace, sites=['image.11']), or capture with rows='pooled'."
    )


def _plain(values: NDArray[np.floating[Any]]) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float) -> float | None:
    """Four digits; NaN, which JSON has not, is None."""
    return float(f"{value:.4g}") if np.isfinite(value) else None
