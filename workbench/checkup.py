"""The doctor's last good result, kept until anything it depends on changes, so that `make lab` opens at once.

What costs seconds (importing torch, asking Jupyter) is remembered; what a glance answers (Python, memory,
disk, offline) is looked at anew each time. A result with an error is never kept.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench import __version__, doctor
from workbench.cache import cache_folder, digest
from workbench.doctor import Finding
from workbench.untrusted import parsed

__all__ = ["fingerprint", "remember", "remembered"]

_DEAR = ("torch", "kernel", "lab extensions", "message limit")
#: What a server or torch reads from its surroundings.
_VARIABLES = (
    "HOME",
    "APPDATA",
    "PROGRAMDATA",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
)
_PREFIXES = ("JUPYTER", "IPYTHON", "CUDA", "NVIDIA", "HIP_", "TORCH", "XDG_")
#: Where a driver of a graphics card shows.
_DRIVER = ("/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd")


def remembered(environment: Mapping[str, str]) -> list[Finding] | None:
    """The kept findings beside fresh ones of what costs nothing; None if none are kept of this state.

    Args:
        environment: the variables JupyterLab will be started with.
    """
    try:
        kept = parsed(_place().read_text("utf-8"))
        if kept["of"] != fingerprint(environment):
            return None
        findings = {about: Finding("ok", about, kept["dear"][about]) for about in _DEAR}
        device, total_gb = str(kept["device"]), float(kept["total_gb"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    fresh = [
        doctor.python_version(sys.version_info[:3]),
        *findings.values(),
        _device(device, total_gb),
        doctor.offline(environment),
        doctor.disk(*doctor.free_disk(environment)),
    ]
    return None if any(finding.level == "error" for finding in fresh) else fresh


def remember(findings: Sequence[Finding], environment: Mapping[str, str]) -> bool:
    """Keep `findings` of `doctor.examine` if none is an error; whether they were kept.

    An error also takes an earlier good result away: something is wrong that its fingerprint does not see.

    Args:
        findings: all of them.
        environment: the variables they were found with.
    """
    place = _place()
    try:
        if any(finding.level == "error" for finding in findings):
            place.unlink(missing_ok=True)
            return False
        found = {finding.about: finding for finding in findings}
        device, total_gb = doctor.device_and_total(found["device"].text)
        kept = {
            "of": fingerprint(environment),
            "dear": {about: found[about].text for about in _DEAR},
            "device": device,
            "total_gb": total_gb,
        }
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(".part")
        part.write_text(json.dumps(kept, indent=1), "utf-8")
        os.replace(part, place)
    except OSError:
        return False  # nothing can be kept on a full or read-only disk; the next check is made afresh
    return True


def fingerprint(environment: Mapping[str, str]) -> str:
    """A digest of what the dear checks look at: Python, what is installed, Jupyter's settings, the driver.

    Args:
        environment: the variables JupyterLab will be started with.
    """
    project = Path(__file__).resolve().parent.parent
    variables = {
        name: value for name, value in environment.items() if name in _VARIABLES or name.startswith(_PREFIXES)
    }
    return digest(
        "doctor",
        [__version__, sys.version, sys.executable, sys.prefix, platform.platform()],
        sorted(variables.items()),
        [_stamp(project / name) for name in ("pyproject.toml", "constraints.txt", "workbench/doctor.py")],
        [_installed(Path(folder)) for folder in sys.path if folder.endswith("-packages")],
        [_settings(folder) for folder in _jupyter_folders(environment)],
        [_stamp(Path(place)) for place in _DRIVER],
    )


def _place() -> Path:
    return cache_folder() / "doctor.json"


def _device(device: str, total_gb: float) -> Finding:
    """Memory as it is now; a graphics card's would need torch, so there its size alone is told."""
    if device.startswith("cuda"):
        return Finding("ok", "device", f"{device}, {total_gb:.1f} GB")
    import psutil

    memory = psutil.virtual_memory()
    return doctor.device_and_memory(device, memory.total / 2**30, memory.available / 2**30)


def _installed(folder: Path) -> list[list[Any]]:
    """Names and versions of distributions, and when each came: an install of the same one shows too."""
    return [_stamp(path) for path in _matching(folder, ("*.dist-info", "*.egg-info", "*.egg-link", "*.pth"))]


def _settings(folder: Path) -> list[list[Any]]:
    """Jupyter's files below a folder of settings or data: configuration, kernels, lab extensions."""
    patterns = (
        "*.json", "*.py", "*.d/*", "labconfig/*", "kernels/python3", "kernels/python3/*",
        "labextensions", "labextensions/*", "labextensions/@*/*",
    )  # fmt: skip
    return [_stamp(path) for path in _matching(folder, patterns)]


def _jupyter_folders(environment: Mapping[str, str]) -> list[Path]:
    """Where Jupyter looks, whether or not it is there yet."""
    home = Path(environment.get("HOME") or Path.home())
    listed = [
        Path(part)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_PATH", "JUPYTER_PATH")
        for part in environment.get(name, "").split(os.pathsep)
        if part
    ]
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    own = [home / ".jupyter", data / "jupyter", home / "Library" / "Jupyter"]
    own += [
        Path(environment[name]) / "jupyter" for name in ("APPDATA", "PROGRAMDATA") if environment.get(name)
    ]
    ours = [Path(sys.prefix, *parts) for parts in (("etc", "jupyter"), ("share", "jupyter"))]
    of_all = [Path(place) for place in ("/etc/jupyter", "/usr/local/etc/jupyter", "/usr/local/share/jupyter")]
    return [*listed, *own, *ours, *of_all, Path("/usr/share/jupyter")]


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern)})


def _stamp(path: Path) -> list[Any]:
    """Name, size and time of last change; None where there is nothing."""
    try:
        state = path.stat()
    except OSError:
        return [str(path), None, None]
    return [str(path), state.st_size, state.st_mtime_ns]
