"""Capture: attention and hidden states of every layer, as the model really used them.

`capture` gives a `Trace`; `estimate` says first what it would take.
"""

from typing import TYPE_CHECKING, Any

from workbench.attention.sites import Site
from workbench.attention.token_layout import PatchGrid, TokenLayout
from workbench.capture.heads import HeadStatistics, head_statistics, rollout
from workbench.capture.opening import open_trace
from workbench.capture.trace import AttentionMap, Estimate, Trace

if TYPE_CHECKING:
    from workbench.capture.capture_attention import capture, estimate

__all__ = [
    "AttentionMap",
    "Estimate",
    "HeadStatistics",
    "PatchGrid",
    "Site",
    "TokenLayout",
    "Trace",
    "capture",
    "estimate",
    "head_statistics",
    "open_trace",
    "rollout",
]


def __getattr__(name: str) -> Any:
    # The verbs need torch (seconds); results do not.
    if name not in ("capture", "estimate"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from workbench.capture import capture_attention

    return getattr(capture_attention, name)
