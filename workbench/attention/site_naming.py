"""From the calls of a pass to sites with names: which side, which layer, self, cross or pooling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from workbench.attention.blocks import block_of, list_of
from workbench.attention.recorder import Call, Recorder
from workbench.attention.sequences import Sequences
from workbench.attention.sites import Site, SiteKind
from workbench.attention.subject import Subject
from workbench.attention.token_layout import TokenLayout
from workbench.formatting import plural

__all__ = ["notes_of", "sites_of"]


def sites_of(subject: Subject, calls: Sequence[Call]) -> Iterator[Site]:
    """A site for each call, named by side and layer; by its list of modules too where a side has several.

    No two have one name, so that none takes another's place: of the list's path as much is said as tells it
    from the side's other lists, and what is alike even then is numbered.
    """
    sequences = Sequences(subject, calls)
    drafts = [_draft(sequences, call) for call in calls]
    lists: dict[tuple[str, str], set[str]] = {}
    for call, kind, query, _ in drafts:
        lists.setdefault((query.side, kind), set()).add(list_of(sequences.modules, call.path))
    layers: dict[str, int] = {}
    taken: Counter[str] = Counter()
    before, part = ("", 0), 0
    for call, kind, query, key in drafts:
        where = list_of(sequences.modules, call.path)
        group = f"{query.side}:{kind}:{where}"
        if call.run and (group, call.run) == before:
            part += 1  # of what one run of the module attends to
        else:
            layers[group], part = layers.get(group, -1) + 1, 0
        before, layer = (group, call.run), layers[group]
        told = _told_apart(where, lists[query.side, kind])
        parts = [query.side, *([told] if told else []), "pool" if kind == "pooling" else layer]
        name = ".".join(map(str, parts)) + (".cross" if kind == "cross" else "")
        taken[name] += 1
        if taken[name] > 1:
            name = f"{name}.{taken[name]}"
        of = _of(sequences, call)
        yield Site(name, call.path, kind, layer, call.heads, query, key, call.items, of, part)


def notes_of(subject: Subject, recorder: Recorder) -> tuple[str, ...]:
    """What a reader must know of the sites: what holds several maps, what has no grid, what is no map."""
    sequences = Sequences(subject, recorder.calls)
    for call in recorder.calls:
        _draft(sequences, call)
    found = list(sequences.notes)
    sites = list(sites_of(subject, recorder.calls))
    for of, said in (
        ("window", "attend within windows, {} maps in all"),
        ("picture", "read several pictures, tiles or frames side by side, {} maps in all"),
    ):
        several = [site for site in sites if site.of == of and site.windows > 1]
        if several:
            total = sum(site.windows for site in several)
            ends = several[0].name + (f" to {several[-1].name}" if len(several) > 1 else "")
            found.append(
                f"{plural(len(several), 'site')} ({ends}) "
                f"{said.format(total)}: values is the first, window(number) gives each."
            )
        apart = [site for site in sites if site.of == of and site.windows == 1]
        if apart:
            found.append(
                f"{plural(len(apart), 'site')} ({apart[0].name} to {apart[-1].name}) are single {of}s of "
                f"{plural(len({site.path for site in apart}), 'layer')}, one site each."
            )
    found += [
        f"{plural(count, 'attention')} of {kind}: weights of {reason}, no map of tokens, not in the trace."
        for (kind, reason), count in Counter(
            (type(sequences.modules[path]).__name__ if path else "the model", reason)
            for path, reason in recorder.unread
        ).items()
    ]
    found += [
        f"{plural(count, 'module')} of {kind} ran without attention that could be read: not in the trace."
        for kind, count in Counter(
            type(sequences.modules[path]).__name__ for path in recorder.unheard
        ).items()
    ]
    return tuple(found)


def _of(sequences: Sequences, call: Call) -> Literal["", "window", "picture"]:
    together = max(call.items, sequences.parts.get((call.path, call.run), 1))
    if together < 2:
        return ""
    return "picture" if together == len(sequences.pictures) else "window"


def _told_apart(path: str, among: set[str]) -> str:
    """The end of a list's path that no other has: "layers.0.blocks"; empty for the only list."""
    if len(among) < 2:
        return ""
    words = path.split(".")
    for first in range(len(words) - 1, -1, -1):
        end = ".".join(words[first:])
        if not words[first].isdigit() and sum(f".{other}".endswith(f".{end}") for other in among) == 1:
            return end
    return path


def _draft(sequences: Sequences, call: Call) -> tuple[Call, SiteKind, TokenLayout, TokenLayout]:
    windowed = _of(sequences, call) == "window"
    if not sequences.crosses(call):
        both = sequences.own(call, windowed=windowed)
        return call, "self", both, both
    query = sequences.asking(call, windowed=windowed)
    key = sequences.asked(call, query)
    met = any(one.count == call.query and one.stream == query.stream for one in sequences.met)
    alone = not block_of(call.path) or call.query == 1
    if alone and not met and query.role == "queries" and call.query < call.key:
        head = replace(key, pooling="attention", pooled=None)
        return call, "pooling", TokenLayout(key.side, call.query, role="queries"), head
    return call, "cross", query, key
