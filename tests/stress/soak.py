"""Section "soak": boards opened and closed, models loaded and given back, vectors taken, by the hundred.

The first rounds fill what is meant to be filled (imports, caches of bounded size). From then on what is held
stays within bounds: memory, open files, threads, temporary files.
"""

from __future__ import annotations

import gc
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from tests.stress.setting import Setting

__all__ = ["run"]

_WARM = 3  # rounds that fill what is meant to be filled
_MEMORY_MB, _A_ROUND_MB = 60, 2.0  # beyond the warm state: at once, and for each round
_FILES, _THREADS = 8, 6  # more than in the warm state
_JOBS_END = 300.0  # seconds in which the threads of closed boards have ended: ten times what they wait


def run(setting: Setting) -> str:
    """Rounds of everything a long session does."""
    import torch

    torch.set_num_threads(1)
    from tests.stress.threads import _models

    models = _models(setting)
    warm: dict[str, float] = {}
    rounds, held = 0, {}
    limit = None if setting.most is None else setting.most + _WARM
    began = time.monotonic()
    while rounds <= _WARM or (
        rounds < limit if limit is not None else time.monotonic() - began < setting.seconds
    ):
        _round(setting, models, rounds)
        rounds += 1
        held = _held(setting.folder)
        if rounds == _WARM:
            warm = held
        elif rounds > _WARM and not _within(setting, warm, held, rounds - _WARM):
            break
    _check_jobs_end(setting)
    return f"{rounds} rounds; warm: {_told(warm)}; at the end: {_told(held)}"


def _round(setting: Setting, loaded: dict[str, tuple[Any, Any]], number: int) -> None:
    from tests.shared_model import _atlas, _attribution, _lens, _zero_shot, vectors
    from tests.stress.readers import noise
    from workbench import data, models

    for kind, (model, pairs) in loaded.items():
        for board, given in (
            (_zero_shot, pairs),
            (_lens, pairs[0]),
            (_attribution, pairs[0]),
            (_atlas, pairs),
        ):
            board(model, given)
        vectors(
            model,
            data.from_pictures(
                [noise(7 * number + k) for k in range(5)], texts=[f"{number} {k}" for k in range(5)]
            ),
        )
        again = models.load(str(setting.folder / kind), image_size=None, dtype="bfloat16")
        again.encode_texts(["a cat"])
        del again
    models.unload()


def _is_idle_job(thread: threading.Thread) -> bool:
    """A thread of a widget, which ends by itself half a minute after its last work."""
    return thread.name == "widget-job"


def _check_jobs_end(setting: Setting) -> None:
    began = time.monotonic()
    while (left := [one for one in threading.enumerate() if _is_idle_job(one)]) and (
        time.monotonic() - began < _JOBS_END
    ):
        time.sleep(1)
    if left:
        setting.fail("", f"{len(left)} threads of closed boards have not ended after {_JOBS_END:.0f} s")


def _held(folder: Path) -> dict[str, float]:
    for _ in range(3):
        gc.collect()
    here = psutil.Process()
    left = [path for path in Path(tempfile.gettempdir()).glob("workbench*")]
    return {
        "memory MB": here.memory_info().rss / 1e6,
        "open files": float(len(here.open_files())),
        "threads": float(sum(not _is_idle_job(one) for one in threading.enumerate())),
        "temporary files": float(len(left) + len(list(folder.rglob("*.tmp")))),
    }


def _within(setting: Setting, warm: dict[str, float], held: dict[str, float], rounds: int) -> bool:
    bounds = {
        "memory MB": warm["memory MB"] + _MEMORY_MB + _A_ROUND_MB * rounds,
        "open files": warm["open files"] + _FILES,
        "threads": warm["threads"] + _THREADS,
        "temporary files": warm["temporary files"],
    }
    over = [name for name, most in bounds.items() if held[name] > most]
    for name in over:
        setting.fail(
            "",
            f"{name}: {held[name]:.0f} after {rounds} rounds, {warm[name]:.0f} when warm, at most {bounds[name]:.0f}",
        )
    return not over


def _told(held: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f}" for name, value in held.items())
