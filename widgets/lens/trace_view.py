"""What the attention lens shows, as plain values and packed bytes: pure functions of a trace."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.capture import AttentionMap, Site, TokenLayout, Trace, head_statistics, rollout
from workbench.errors import BadInputError
from workbench.formatting import human_bytes

__all__ = [
    "Group",
    "Packed",
    "decode",
    "groups_of",
    "lens_view",
    "pack",
    "shown_weights",
    "token_ids",
    "top_of",
]

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
        site = self.maps[0].site
        return np.array_equal(self.queries, self.keys) and site.kind == "self" and site.of != "window"

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
    """The sites of a trace as grids, in the order of the forward pass; of several windows the first."""
    found: dict[tuple[Any, ...], list[AttentionMap]] = {}
    several: dict[int, Site] = {}
    for one in trace.maps.values():
        query, key, of = one.query, one.key, one.site
        shown = one.window(0) if of.windows > 1 else one
        alike = (query.side, key.side, one.site.kind, one.site.heads, query.count, key.count,
                 tuple(one.queries), of.name.split(".")[0], of.windows, of.of, of.part)  # fmt: skip
        found.setdefault(alike, []).append(shown)
        several[id(shown)] = of
    groups: list[Group] = []
    named: Counter[str] = Counter()
    for maps in found.values():
        queries, keys = _kept(maps)
        site, name = maps[0].site, _key(maps[0])
        number = sum(group.key.split("#")[0] == name for group in groups)
        title = _title(site.query, site.key, site.kind) + _which(several[id(maps[0])])
        named[title] += 1
        title += f", {named[title]}" if named[title] > 1 else ""
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


def token_ids(layout: TokenLayout, kind: str = "self", grid: tuple[int, int] | None = None) -> list[str]:
    """A name for each token that it keeps in every sequence it stands in: "p:4" a patch, "w:1" a word.

    `grid`: the one on the screen; patches that lie in another, such as merged ones, are tokens like others.
    """
    other = grid is not None and layout.grid != grid
    ids = [f"{'q' if kind == 'pooling' else 'o'}:{layout.stream}:{place}" for place in range(layout.count)]
    for number in range(len(layout.words)):
        ids[layout.first_word + number] = f"w:{number}"
    for number, place in enumerate(layout.patches):
        ids[int(place)] = f"o:{layout.stream}:{place}" if other else f"p:{number}"
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
        "credit": trace.credit,
        "levels": packed.levels,
        "bytes": len(packed.content),
        "weights": trace.provenance.weights,
        "difference": trace.difference if trace.provenance.model else None,
        "tokens": _tokens(groups, grid),
        "groups": [
            _group_view(group, length, grid) for group, length in zip(groups, packed.lengths, strict=True)
        ],
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


def _group_view(group: Group, length: int, grid: tuple[int, int] | None) -> dict[str, Any]:
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
        "query_ids": [token_ids(first.query, first.site.kind, grid)[place] for place in group.queries],
        "key_ids": [token_ids(first.key, grid=grid)[place] for place in group.keys],
        "query_patches": first.query.grid is not None and first.query.grid == grid,
        "key_patches": first.key.grid is not None and first.key.grid == grid,
        "square": group.square,
        "causal": first.causal,
        "pooled": _start(first, group),
        "top": top_of(group),
        "top_mean": top_of(group, "mean"),
        "length": length,
        "figures": {name: [_plain(getattr(one, name)) for one in figures] for name in STATISTICS},
        "uniform": _number(max(one.uniform for one in figures)),
        "even_distance": _number(figures[0].even_distance),
    }


def _tokens(groups: Sequence[Group], grid: tuple[int, int] | None) -> dict[str, Any]:
    """What stands on the screen for each token that is no patch: its name, kind and panel."""
    tokens: dict[str, Any] = {}
    for group in groups:
        site = group.maps[0].site
        for layout, places, kind in (
            (site.query, group.queries, site.kind),
            (site.key, group.keys, "self"),
        ):
            ids, names, kinds = token_ids(layout, kind, grid), layout.names, layout.kinds
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


def top_of(group: Group, reading: str = "head") -> float:
    """Where the shared colour scale ends: a round number that 199 of 200 weights stay below.

    Single heads have one scale, what is averaged over heads ("mean", "rollout") another: means are smaller.
    """
    layers = (group.values(layer).astype(np.float32) for layer in range(len(group.maps)))
    values = [(one if reading == "head" else one.mean(axis=0)).ravel()[::7] for one in layers]
    high = float(np.quantile(np.concatenate(values), 0.995))
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


def _title(query: TokenLayout, key: TokenLayout, kind: str) -> str:
    if kind == "pooling":
        return f"pooling head of the {query.side} tower"
    if kind == "cross":
        return f"{_called(query)} reads {_called(key)}"
    if query.role:
        return f"{_called(query)} to itself"
    plain = {"image": "picture to picture", "text": "text to text", "audio": "sound to sound"}
    return plain.get(
        query.side, "picture and text together" if query.grid or query.pictured else "sound and text together"
    )


def _called(layout: TokenLayout) -> str:
    if layout.role == "decoder":
        return f"{layout.side} of the decoder"
    return f"queries of the {layout.side}" if layout.role == "queries" else layout.side


def _which(site: Site) -> str:
    """Which of several windows or pictures is shown."""
    if site.windows > 1:
        return f", {site.of or 'window'} 1 of {site.windows}"
    return f", {site.of or 'part'} {site.part + 1}" if site.of else ""


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
