"""From the calls of a pass to sites with names: which side, which layer, self, cross or pooling."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from workbench.capture.layout import TokenLayout
from workbench.capture.recording import Call
from workbench.capture.subject import Subject, is_image, sequence_of
from workbench.capture.trace import Site, SiteKind

__all__ = ["block_of", "sites_of"]

_CROSS = re.compile(r"cross|visual_attention", re.I)


def sites_of(subject: Subject, calls: Sequence[Call]) -> Iterator[Site]:
    """A site for each call, named by side and layer; by its list of modules too where a side has several."""
    drafts = [_draft(subject, call) for call in calls]
    lists: dict[tuple[str, str], set[str]] = {}
    for call, kind, query, _ in drafts:
        lists.setdefault((query.side, kind), set()).add(_list_of(call.path))
    layers: Counter[str] = Counter()
    for call, kind, query, key in drafts:
        where = _list_of(call.path)
        group = f"{query.side}:{kind}:{where}"
        layer, layers[group] = layers[group], layers[group] + 1
        several = len(lists[query.side, kind]) > 1
        parts = [
            query.side,
            *([where.rsplit(".", 1)[-1]] if several else []),
            "pool" if kind == "pooling" else layer,
        ]
        name = ".".join(map(str, parts)) + (".cross" if kind == "cross" else "")
        yield Site(name, call.path, kind, layer, call.heads, query, key)


def _draft(subject: Subject, call: Call) -> tuple[Call, SiteKind, TokenLayout, TokenLayout]:
    path = call.path
    # Only what the module is called inside its block tells: whole stacks are named "cross-modal".
    crossing = bool(_CROSS.search(path.removeprefix(block_of(path))))
    if call.query == call.key and not crossing:
        both = sequence_of(subject, path, call.key)
        return call, "self", both, both
    if not crossing and (subject.side is not None or is_image(path)) and call.query not in _counts(subject):
        key = replace(sequence_of(subject, path, call.key, whole=False), pooling="attention", pooled=None)
        return call, "pooling", TokenLayout(key.side, call.query), key
    query = sequence_of(subject, path, call.query, whole=False)
    key = sequence_of(subject, "vision" if query.side == "text" else "text", call.key, whole=False)
    return call, "cross", query, key


def _counts(subject: Subject) -> set[int]:
    """Lengths of sequences that the inputs give: a pooling head asks with another number of queries."""
    return {
        subject.text_count,
        *(int(value.shape[1]) for name, value in subject.inputs.items() if "feats" in name),
    }


def _list_of(path: str) -> str:
    """The list of blocks a module stands in: "encoder.layers" of "encoder.layers.3.attn"."""
    found = list(re.finditer(r"\.\d+(\.|$)", path))
    return path[: found[-1].start()] if found else ""


def block_of(path: str) -> str:
    """The block a module stands in: "encoder.layers.3" of "encoder.layers.3.attn"; "" where there is none."""
    found = list(re.finditer(r"\.\d+(?=\.|$)", path))
    return path[: found[-1].end()] if found else ""
