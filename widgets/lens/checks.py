"""What a user may have set on a lens: which sites it shows, and whether what was selected is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from widgets.lens.trace_view import Group
from workbench.capture import Trace
from workbench.errors import BadInputError, UnknownNameError, did_you_mean

__all__ = ["check_selected", "group_of", "with_sites"]

_KEYS = ("site", "reading", "head", "token", "backwards")
_READINGS = ("head", "mean", "rollout")


def check_selected(selected: Mapping[str, Any], groups: Sequence[Group]) -> None:
    """Refuse a selection that lacks a part, or names what is not among the groups on the screen.

    Raises:
        BadInputError: a part is missing, or there is no such reading, head or token.
        UnknownNameError: there is no such site.
    """
    missing = [name for name in _KEYS if name not in selected]
    if missing:
        raise BadInputError(f"selected lacks {missing[0]!r}; it needs {', '.join(_KEYS)}.")
    group = group_of(selected["site"], groups)
    heads, reading = group.maps[0].site.heads, selected["reading"]
    if reading not in _READINGS:
        raise BadInputError(f"reading is {reading!r}; expected one of {', '.join(_READINGS)}.")
    if reading == "rollout" and not group.square:
        raise BadInputError(
            f"Rollout multiplies whole square maps, which {selected['site']} has not: {group.title}."
        )
    if not isinstance(selected["head"], int) or not 0 <= selected["head"] < heads:
        raise BadInputError(f"There is no head {selected['head']!r}; {selected['site']} has {heads}, from 0.")
    places = group.keys if selected["backwards"] else group.queries
    if selected["token"] not in places:
        raise BadInputError(
            f"There is no token {selected['token']!r} to look from; there are {min(places)} to {max(places)}."
        )


def group_of(site: Any, groups: Sequence[Group]) -> Group:
    """The group that a site is in.

    Raises:
        UnknownNameError: it is in none.
    """
    for group in groups:
        if site in group.sites:
            return group
    known = [name for group in groups for name in group.sites]
    raise UnknownNameError(
        f"There is no site {site!r} in this lens; it shows {', '.join(known[:6])}"
        f"{' and more' if len(known) > 6 else ''}{did_you_mean(str(site), known)}"
    )


def with_sites(trace: Trace, sites: Sequence[str]) -> Trace:
    """The same trace with some sites, in their own order.

    Raises:
        BadInputError: none is named.
        UnknownNameError: there is no such site.
    """
    names = {trace.attention(name).site.name for name in sites}
    if not names:
        raise BadInputError("sites is empty; name at least one, or leave it out to show all.")
    states = {name: values for name, values in trace.states.items() if name in names}
    return replace(trace, maps={k: v for k, v in trace.maps.items() if k in names}, states=states)
