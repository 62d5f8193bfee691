"""What kind of model a folder holds: which library's, or which folder inside it, or why none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from workbench.errors import BadInputError, BadWeightsError, UnsupportedError
from workbench.models.pickles import PICKLE_SUFFIXES
from workbench.models.weights import read_json
from workbench.untrusted import parsed

__all__ = ["Found", "look_into"]

Library = Literal["open_clip", "transformers", "joined"]

_OPEN_CLIP, _TRANSFORMERS, _JOINED = "open_clip_config.json", "config.json", "joined_config.json"
_SENTENCES, _ADAPTER = "modules.json", "adapter_config.json"
_HARMLESS = ("Normalize",)  # sentence-transformers' step that our unit vectors have anyway


@dataclass(frozen=True)
class Found:
    """Where the model is, and whose.

    Attributes:
        folder: with the configuration and the weights.
        notes: what was chosen where there was a choice.
        adapter: the folder of an adapter of peft that is to be put on the model.
    """

    folder: Path
    library: Library
    notes: tuple[str, ...] = ()
    adapter: Path | None = None


def look_into(
    folder: Path, *, wanted: Library | None = None, fetch: Callable[[str], Path] | None = None
) -> Found:
    """The model in a folder, or in the folder that it keeps it in.

    Args:
        wanted: the library that the name asked for; None takes the only one, or transformers of two.
        fetch: brings a repository of the hub, for the base of an adapter; None looks on this machine only.

    Raises:
        BadWeightsError: no model folder; the message says what it is instead.
        UnsupportedError: a folder of sentence-transformers that does more than a CLIP.
        BadInputError: the folder has no model of the wanted library.
    """
    if (folder / _JOINED).is_file() and wanted is None:
        return Found(folder, "joined")
    libraries = list(_libraries(folder))
    if wanted is not None and wanted not in libraries:
        raise BadInputError(
            f"{folder} holds no model of {wanted}: {', '.join(libraries) or 'of no library'}. Give the "
            "folder itself as the name."
        )
    if libraries:
        chosen = wanted or libraries[-1]
        return Found(folder, chosen, _choice(libraries, chosen, folder))
    if (folder / _SENTENCES).is_file():
        return _of_sentence_transformers(folder)
    if (folder / _ADAPTER).is_file():
        return _of_adapter(folder, fetch)
    raise _no_model(folder)


def _libraries(folder: Path) -> Iterator[Library]:
    """The libraries whose configuration and weights are both here, transformers last.

    A repository of open_clip often carries a config.json too, and its weights alone decide. A folder without
    any weights is taken at its configuration's word, so that what is missing can be said.
    """
    ours, theirs = (folder / _OPEN_CLIP).is_file(), (folder / _TRANSFORMERS).is_file()
    if not (ours and theirs):
        yield from (name for name, there in (("open_clip", ours), ("transformers", theirs)) if there)  # type: ignore[misc]
        return
    files = [file.name for file in folder.iterdir() if file.suffix in (".safetensors", *PICKLE_SUFFIXES)]
    own = [name for name in files if name.startswith("open_clip")]
    rest = [name for name in files if name not in own and not name.startswith("adapter_")]
    is_model = "model_type" in read_json(folder / _TRANSFORMERS)  # timm writes a config.json of another kind
    if own or not rest or not is_model:
        yield "open_clip"
    if rest and is_model:
        yield "transformers"


def _choice(libraries: list[Library], chosen: Library, folder: Path) -> tuple[str, ...]:
    if len(libraries) < 2:
        return ()
    other = next(name for name in libraries if name != chosen)
    how = f"'local-dir:{folder}'" if other == "open_clip" else f"'{folder}'"
    return (
        f"The folder holds this model for two libraries; {chosen} loaded it. {how} takes that of {other}.",
    )


def _of_sentence_transformers(folder: Path) -> Found:
    """The CLIP inside a folder of sentence-transformers, if nothing else is applied to its vectors."""
    modules = _modules(folder)
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    places = [folder / str(module.get("path", "")) for module in modules]
    inner = next((place for kind, place in zip(kinds, places, strict=True) if kind == "CLIPModel"), None)
    more = [kind for kind in kinds if kind not in ("CLIPModel", *_HARMLESS)]
    if inner is None or more:
        what = (
            "no CLIPModel in it, so no image tower"
            if inner is None
            else f"{', '.join(more)} behind its CLIPModel"
        )
        raise UnsupportedError(
            f"{folder} is a folder of sentence-transformers with {what} ({', '.join(kinds)}). A dual encoder "
            "is a CLIPModel alone; workbench.recipes.lit joins a text model to an image tower."
        )
    if not inner.resolve().is_relative_to(folder.resolve()) or not (inner / _TRANSFORMERS).is_file():
        raise BadWeightsError(
            f"{folder} is a folder of sentence-transformers whose {inner.name} has no config.json. Copy it "
            "again."
        )
    note = f"A folder of sentence-transformers: its {inner.name} was loaded." if inner != folder else ""
    return Found(inner, "transformers", (note,) if note else ())


def _of_adapter(folder: Path, fetch: Callable[[str], Path] | None) -> Found:
    """An adapter and the model that it changes: a folder, or a repository of the hub."""
    base = str(read_json(folder / _ADAPTER).get("base_model_name_or_path") or "")
    places = (Path(base).expanduser(), folder / base, folder.parent / base) if base else ()
    here = next((place for place in places if (place / _TRANSFORMERS).is_file()), None)
    if here is None and fetch is not None and base.count("/") == 1 and not base.startswith(("/", ".", "~")):
        here = fetch(base)
    if here is None:
        raise BadWeightsError(
            f"{folder} holds an adapter of peft ({_ADAPTER}), which is a change of a model and none by "
            f"itself. {f'Its base, {base}, is no folder here' if base else 'It does not name its base'}. "
            f"Correct base_model_name_or_path in {_ADAPTER}, or copy its files into the base's folder."
        )
    found = look_into(here)
    if found.library != "transformers":
        raise UnsupportedError(
            f"{folder} holds an adapter of peft for {base}, which is a model of {found.library}; adapters "
            "are put on models of transformers."
        )
    note = f"The adapter in {folder.name} was put on its base, {base}."
    return replace(found, adapter=folder, notes=(*found.notes, note))


def _modules(folder: Path) -> list[dict]:
    try:
        content = parsed((folder / _SENTENCES).read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise BadWeightsError(
            f"{folder / _SENTENCES} cannot be read as JSON: {problem}. Copy or save it again."
        ) from problem
    if not isinstance(content, list) or not all(isinstance(module, dict) for module in content):
        raise BadWeightsError(
            f"{folder / _SENTENCES} is not the list of modules that sentence-transformers writes."
        )
    return content


def _no_model(folder: Path) -> BadWeightsError:
    inside = [
        path.parent.name for name in (_OPEN_CLIP, _TRANSFORMERS, _JOINED) for path in folder.glob(f"*/{name}")
    ]
    hint = f" There is one in {', '.join(sorted(set(inside))[:3])} inside it." if inside else ""
    return BadWeightsError(
        f"{folder} is not a model folder: it has neither {_OPEN_CLIP} nor {_TRANSFORMERS} nor "
        f"{_JOINED}.{hint} Give the folder that save_pretrained(), open_clip's push_to_hf_hub() or "
        "workbench.recipes.lit wrote."
    )
