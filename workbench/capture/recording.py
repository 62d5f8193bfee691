"""The old address of `workbench.attention.recorder`, for one release: programs outside import it."""

from __future__ import annotations

from typing import Any

from workbench.attention import recorder
from workbench.renaming import warn_renamed

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    """What the recorder has, with a warning that says where it stands now."""
    value = getattr(recorder, name)
    if not name.startswith("__"):
        warn_renamed(f"workbench.capture.recording.{name}", f"workbench.attention.recorder.{name}")
    return value
