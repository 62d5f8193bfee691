"""What is wrong with this installation, one line a problem, each with its fix.

Every check is a function of plain facts, so that it can be shown any machine; `examine` gathers the facts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

__all__ = [
    "Finding",
    "device_and_memory",
    "device_and_total",
    "disk",
    "examine",
    "free_disk",
    "kernel_of_this_environment",
    "lab_extensions",
    "message_limit",
    "offline",
    "python_version",
    "torch_pair",
]

#: Widgets need the first two; plotly's draws charts stored in a notebook.
LAB_EXTENSIONS = {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets", "anywidget": "anywidget",
                  "jupyterlab-plotly": "plotly"}  # fmt: skip
REINSTALL_PAIR = "pip install --force-reinstall -c constraints.txt torch torchvision"
MESSAGE_MB = 64
FREE_GB = 2.0
MEMORY_GB = 3.0


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's answer. `fix` says what to do, and is empty when nothing is wrong."""

    level: Literal["ok", "note", "error"]
    about: str
    text: str
    fix: str = ""

    def __str__(self) -> str:
        """The line as it is printed."""
        return f"{self.level:<5}  {self.about}: {self.text}" + (f"  Fix: {self.fix}" if self.fix else "")


def examine(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Every finding about this machine, in the order in which a user would mend them.

    Args:
        environment: the variables JupyterLab will be started with; those of this process if None.
    """
    variables = dict(os.environ if environment is None else environment)
    checks: list[Callable[[], Finding]] = [
        lambda: python_version(sys.version_info[:3]),
        lambda: torch_pair(_version("torch"), _version("torchvision"), _trouble_with_torchvision()),
        lambda: kernel_of_this_environment(_asked(_KERNEL, variables), sys.executable, sys.prefix),
        lambda: lab_extensions(_asked(_EXTENSIONS, variables)),
        lambda: message_limit(_asked(_LIMIT, variables)),
        lambda: device_and_memory(*_device()),
        lambda: offline(variables),
        lambda: disk(*free_disk(variables)),
    ]
    return [_guarded(check) for check in checks]


def python_version(version: Sequence[int]) -> Finding:
    """Python 3.11 or later."""
    text = ".".join(map(str, version))
    if tuple(version[:2]) < (3, 11):
        return Finding(
            "error", "Python", f"{text}; 3.11 or later is needed.", "make lab PYTHON=/path/to/python3.11"
        )
    return Finding("ok", "Python", text)


def torch_pair(torch: str | None, torchvision: str | None, trouble: str | None) -> Finding:
    """torch and torchvision from one source.

    Args:
        torch, torchvision: versions as installed, `+cpu` or `+cu130` included; None if missing.
        trouble: what importing torchvision and calling one of its compiled operators said, or None.
    """
    missing = [name for name, version in (("torch", torch), ("torchvision", torchvision)) if version is None]
    if missing:
        return Finding("error", "torch", f"{' and '.join(missing)} not installed.", REINSTALL_PAIR)
    pair = f"torch {torch} with torchvision {torchvision}"
    if _source(torch) != _source(torchvision):
        return Finding("error", "torch", f"{pair} come from two sources.", REINSTALL_PAIR)
    if trouble:
        return Finding("error", "torch", f"{pair} do not fit together: {trouble}", REINSTALL_PAIR)
    return Finding("ok", "torch", pair)


def kernel_of_this_environment(spec: Mapping[str, Any], executable: str, prefix: str) -> Finding:
    """The `python3` kernel that notebooks ask for runs this environment's Python.

    Args:
        spec: `argv` and `folder` of the kernel spec as the server finds it; empty if there is none.
    """
    if not spec:
        return Finding(
            "error", "kernel", "no kernel named python3.", "pip install --force-reinstall ipykernel"
        )
    program = str(spec["argv"][0])
    # Jupyter puts its own Python in place of a bare name, so only a path can lead elsewhere.
    if Path(program).is_absolute() and not _same_program(program, executable, prefix):
        return Finding(
            "error", "kernel", f"python3 in {spec['folder']} starts {program}, not {executable}.",
            f"start with `workbench lab`; if this stays, remove {spec['folder']}",
        )  # fmt: skip
    return Finding("ok", "kernel", f"python3 is {executable}")


def lab_extensions(found: Mapping[str, str]) -> Finding:
    """JupyterLab has the front-end halves of the widgets.

    Args:
        found: extension name to "enabled" or "disabled".
    """
    for name, package in LAB_EXTENSIONS.items():
        state = found.get(name, "missing")
        if state == "missing":
            return Finding(
                "error", "lab extension", f"{name} is missing.", f"pip install --force-reinstall {package}"
            )
        if state == "disabled":
            return Finding(
                "error", "lab extension", f"{name} is disabled.", f"jupyter labextension enable {name}"
            )
    return Finding("ok", "lab extensions", ", ".join(LAB_EXTENSIONS))


def message_limit(size: int | None) -> Finding:
    """The largest message from the browser, in bytes; None is the server's own default, 10 MB."""
    megabytes = (10 * 2**20 if size is None else size) / 2**20
    if megabytes < MESSAGE_MB:
        text = f"{megabytes:.0f} MB; a larger upload would cut the connection to the kernel."
        return Finding("error", "message limit", text, "start with `workbench lab`, or remove "
                       "websocket_max_message_size from your own Jupyter configuration")  # fmt: skip
    return Finding("ok", "message limit", f"{megabytes:.0f} MB")


def device_and_memory(device: str, total_gb: float, free_gb: float) -> Finding:
    """Where models will run, and whether one fits."""
    text = f"{device}, {free_gb:.1f} of {total_gb:.1f} GB free"
    if free_gb < MEMORY_GB:
        fix = "close other programs or kernels; the shipped model needs about 1 GB, a ViT-B/32 about 2 GB"
        return Finding("note", "device", text, fix)
    return Finding("ok", "device", text)


def device_and_total(text: str) -> tuple[str, float]:
    """The device and its gigabytes, read back from what `device_and_memory` said."""
    said = re.fullmatch(r"(.*), [\d.]+ of ([\d.]+) GB free", text)
    if said is None:
        raise ValueError(f"no sentence of device_and_memory: {text!r}")
    return said[1], float(said[2])


def offline(environment: Mapping[str, str]) -> Finding:
    """Whether models may be downloaded. Either answer is fine; the shipped model never needs it."""
    if environment.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return Finding("ok", "offline", "HF_HUB_OFFLINE is set: only models on this machine")
    return Finding(
        "ok", "offline", "no; models of the hub are downloaded when asked for (HF_HUB_OFFLINE=1 forbids it)"
    )


def disk(folder: str, free_gb: float) -> Finding:
    """Room for embeddings and downloaded models."""
    text = f"{free_gb:.1f} GB free in {folder}"
    if free_gb < FREE_GB:
        return Finding("note", "disk", text, "free some, or set HF_HOME and XDG_CACHE_HOME to a larger disk")
    return Finding("ok", "disk", text)


def _guarded(check: Callable[[], Finding]) -> Finding:
    """A check that breaks is itself a finding; the others still run."""
    try:
        return check()
    except Exception as problem:
        return Finding("error", "doctor", f"{type(problem).__name__}: {problem}", "make clean, then make lab")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _source(version: str | None) -> str:
    """The build a version came from: `cpu`, `cu130`, or "" for the one on the package index."""
    return (version or "").partition("+")[2]


def _trouble_with_torchvision() -> str | None:
    """Run a compiled operator in a Python of its own: a mixed pair may break the process importing it."""
    code = "import torch, torchvision.ops as o; o.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it crashed"])[-1][:200]


_KERNEL = """
from jupyter_client.kernelspec import KernelSpecManager
manager = KernelSpecManager()
answer = {}
if "python3" in manager.find_kernel_specs():
    spec = manager.get_kernel_spec("python3")
    answer = {"argv": spec.argv, "folder": spec.resource_dir}
"""
_EXTENSIONS = """
from jupyter_core.paths import jupyter_path
from jupyterlab_server.config import get_federated_extensions, get_page_config
folders = jupyter_path("labextensions")
disabled = get_page_config(folders)["disabledExtensions"]
found = get_federated_extensions(folders)
answer = {name: "disabled" if name in disabled else "enabled" for name in found}
"""
_LIMIT = """
from jupyter_server.serverapp import ServerApp
app = ServerApp()
app.load_config_file()
answer = app.tornado_settings.get("websocket_max_message_size")
"""


def _asked(code: str, environment: Mapping[str, str]) -> Any:
    """`answer` of `code`, run with the variables JupyterLab will have (they are read at its import)."""
    whole = code + "\nimport json\nprint('answer', json.dumps(answer))"
    done = subprocess.run(
        [sys.executable, "-c", whole],
        capture_output=True,
        text=True,
        env=dict(environment),
        timeout=120,
        check=False,
    )
    said = re.findall(r"^answer (.*)$", done.stdout, re.MULTILINE)
    if not said:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no answer"])[-1])
    return json.loads(said[-1])


def _same_program(program: str, executable: str, prefix: str) -> bool:
    """Compared unresolved too: a virtual environment's python is a link to the one it was made from."""
    return os.path.normcase(program) == os.path.normcase(executable) or Path(program).is_relative_to(prefix)


def _device() -> tuple[str, float, float]:
    import torch

    from workbench.devices import choose_device

    device = choose_device()
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info()
        return f"cuda ({torch.cuda.get_device_name()})", total / 2**30, free / 2**30
    import psutil

    memory = psutil.virtual_memory()
    return device.type, memory.total / 2**30, memory.available / 2**30


def free_disk(environment: Mapping[str, str]) -> tuple[str, float]:
    """The folder models and embeddings go to, as far as it is there already, and the free gigabytes in it."""
    home = environment.get("HF_HOME") or environment.get("XDG_CACHE_HOME") or str(Path.home())
    folder = next(place for place in (Path(home), *Path(home).parents) if place.exists())
    return str(folder), shutil.disk_usage(folder).free / 2**30
