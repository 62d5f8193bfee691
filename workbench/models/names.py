"""What a model name means, decided from the name and this machine's folders alone: no network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from workbench.errors import BadInputError, BadWeightsError, UnavailableError, UnknownNameError, did_you_mean
from workbench.models.cards import CARDS, SHIPPED, WEIGHTS

__all__ = ["Reference", "parse"]

_FORMS = (
    "Names are 'emoji-clip', 'photo-lite', 'shapes-captioner', 'open_clip:ARCH/TAG', "
    "'open_clip:ARCH/path/to/weights', 'hf:ORG/NAME', 'hf:ORG/NAME@REVISION' or a folder of either library."
)


@dataclass(frozen=True)
class Reference:
    """A name taken apart.

    Attributes:
        kind: where it points to; "folder" covers the shipped models too.
        architecture, tag: of open_clip.
        path: the folder or the weights file.
        repo: ORG/NAME on the hub.
        revision: its branch, tag or commit; None for the default branch.
        library: of a folder, where the name says whose model is meant.
    """

    name: str
    kind: Literal["folder", "tag", "file", "hub"]
    architecture: str = ""
    tag: str = ""
    path: Path = Path()
    repo: str = ""
    revision: str | None = None
    library: Literal["open_clip"] | None = None


def parse(name: str) -> Reference:
    """The meaning of a model name.

    Raises:
        BadInputError: not a text, or empty.
        UnknownNameError: no such name, architecture, tag or folder; the message gives the nearest.
        UnavailableError: a shipped model whose weights are missing from this installation.
    """
    if not isinstance(name, str) or not name.strip():
        raise BadInputError(f"A model name was expected, got {name!r}. {_FORMS}")
    name = name.strip()
    if name in {card.name for card in SHIPPED}:
        return _shipped(name)
    scheme, _, rest = name.partition(":")
    if scheme == "open_clip" and rest:
        return _open_clip(name, rest)
    if scheme == "hf-hub" and rest:  # open_clip's own way to say it
        return replace(parse(f"hf:{rest}"), name=f"{name} (here 'hf:{rest}')")
    if scheme == "hf" and rest:
        repo, at, revision = rest.partition("@")
        if repo.count("/") > 1 or repo.startswith("/") or (at and not revision):
            raise UnknownNameError(
                f"{name!r} is not a repository of the hub; expected 'hf:ORG/NAME' or "
                f"'hf:ORG/NAME@REVISION'. {_FORMS}"
            )
        return Reference(name, "hub", repo=repo, revision=revision or None)
    folder = Path(name.removeprefix("local-dir:")).expanduser()
    if folder.is_dir():
        # open_clip's own way to name a folder; of a folder with two libraries it means open_clip's.
        library: Literal["open_clip"] | None = "open_clip" if scheme == "local-dir" else None
        return Reference(name, "folder", path=folder.resolve(), library=library)
    if folder.is_file():
        raise BadWeightsError(
            f"{name} is a single file, which does not say its architecture. "
            f"Load it as 'open_clip:ARCH/{name}', or load the folder that holds its configuration."
        )
    known = [card.name for card in CARDS]
    hub = (
        f" For a repository of the hub, say 'hf:{name}'."
        if name.count("/") == 1 and name[0] not in "./~"
        else ""
    )
    raise UnknownNameError(
        f"There is no model and no folder {name!r}.{did_you_mean(name, known)}{hub} {_FORMS}"
    )


def _shipped(name: str) -> Reference:
    folder = WEIGHTS / name
    made_by = ("open_clip_config.json", "joined_config.json", "config.json")
    if not any((folder / file).is_file() for file in made_by):
        raise UnavailableError(
            f"{name} ships with the workbench, but {folder} is missing from this installation. "
            "Install it again; workbench.recipes holds how it was trained."
        )
    return Reference(name, "folder", path=folder)


def _open_clip(name: str, rest: str) -> Reference:
    import open_clip

    architecture, _, tail = rest.partition("/")
    if architecture not in open_clip.list_models():
        near = did_you_mean(architecture, open_clip.list_models())
        raise UnknownNameError(
            f"open_clip has no architecture {architecture!r}.{near} open_clip.list_models() lists all."
        )
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    tag = tail.lower().replace("-", "_")
    if tag in tags:
        return Reference(name, "tag", architecture=architecture, tag=tag)
    file = Path(tail).expanduser()
    if tail and file.is_file():
        return Reference(name, "file", architecture=architecture, path=file.resolve())
    given = f"neither a tag of {architecture} nor a file" if tail else "no tag"
    raise UnknownNameError(
        f"{name!r} names {given} {tail!r}.{did_you_mean(tail, tags)} "
        f"Tags: {', '.join(tags) or 'none, give a weights file'}."
    )
