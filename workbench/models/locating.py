"""Where a named model's files are, brought here if they must be, and which function builds it from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from workbench.errors import BadInputError, BadWeightsError
from workbench.models import hub
from workbench.models.base import ModelCard
from workbench.models.cards import CARDS
from workbench.models.folders import Found, look_into
from workbench.models.names import Reference
from workbench.models.natives import check_own_code
from workbench.models.options import Options
from workbench.models.texts import text_tokeniser
from workbench.models.weights import find_weights, read_json
from workbench.results import OnEvent, ShouldStop

if TYPE_CHECKING:
    from workbench.models.adapters.tower import TwoTower
    from workbench.models.adapters.writers import TransformersWriter

    Ready: TypeAlias = TwoTower | TransformersWriter
else:
    Ready = Any

__all__ = ["Build", "Listen", "Ready", "locate"]

Build = Callable[..., "Ready"]


class Listen(NamedTuple):
    """Who hears of a download, and who may stop it; handed on as it is."""

    on_event: OnEvent | None = None
    should_stop: ShouldStop | None = None


def locate(reference: Reference, options: Options, listen: Listen) -> tuple[list[Path], Build]:
    """Every file the model is made from, on this machine now, and the function that builds it."""
    card = _card(reference)
    if reference.kind == "folder":
        fetch = partial(hub.fetch, choose=hub.choose_model_files, name=card.name, **listen._asdict())
        found = look_into(reference.path, wanted=reference.library, fetch=fetch)
        return _folder(found, card, options, listen)
    if reference.kind == "hub":
        repo, pinned = reference.repo, reference.revision
        folder = hub.fetch(
            repo,
            hub.choose_model_files,
            name=reference.name,
            revision=pinned,
            check=partial(_check_own, repo),
            **listen._asdict(),
        )
        return _folder(look_into(folder), replace(card, commit=folder.name), options, listen)
    return _architecture(reference, card, options, listen)


def _folder(found: Found, card: ModelCard, options: Options, listen: Listen) -> tuple[list[Path], Build]:
    folder = found.folder
    if found.library == "joined":
        from workbench.models.adapters.joined import load_joined, tower_files

        _refuse(options, card.name, "two towers that were joined")
        towers = partial(load_joined, folder, card, on_event=listen.on_event)
        return _parts(folder, [*sorted(folder.glob("*.safetensors")), *tower_files(folder)]), towers
    weights = find_weights(folder, library=found.library)
    if found.library == "open_clip":
        _refuse_sizes(options, card.name)
        return _open_clip_folder(found, weights[0], card, options, listen)
    load = _loader_of(folder, options, card.name)
    more: dict[str, Any] = {"adapter": found.adapter, "notes": found.notes, "options": options}
    ready = partial(load, folder, weights, card, **more)
    changes = [file for file in found.adapter.iterdir() if file.is_file()] if found.adapter else []
    return [*_parts(folder, weights), *changes], ready


def _loader_of(folder: Path, options: Options, name: str) -> Callable[..., Ready]:
    """The function that builds a folder of transformers, as a model that writes or as a dual encoder."""
    from workbench.models.adapters.transformers import FAMILIES, load_transformers
    from workbench.models.adapters.writers.architectures import writes

    config = read_json(folder / "config.json")
    if config.get("model_type") not in FAMILIES and writes(config):
        from workbench.models.adapters.writers.loading import load_writer

        return load_writer
    _refuse_sizes(options, name)
    return load_transformers


def _check_own(repo: str, config: Path) -> None:
    """A repository that brings its own code is refused before its gigabytes come."""
    check_own_code(repo, read_json(config))


def _open_clip_folder(
    found: Found, weights: Path, card: ModelCard, options: Options, listen: Listen
) -> tuple[list[Path], Build]:
    from workbench.models.adapters.open_clip import load_folder

    folder = found.folder
    text = read_json(folder / "open_clip_config.json").get("model_cfg", {}).get("text_cfg", {})
    build = partial(
        load_folder,
        folder,
        weights,
        card,
        tokeniser=text_tokeniser(folder, text, name=card.name, **listen._asdict()),
        text_config=_text_config(text, card.name, listen),
        notes=found.notes,
        options=options,
    )
    return _parts(folder, [weights]), build


def _refuse_sizes(options: Options, name: str) -> None:
    """What only models that write can be asked for."""
    asked = [f"quantize={options.quantize!r}"] if options.quantize else []
    asked += ["device='auto'"] if options.spread else []
    if asked:
        raise BadInputError(
            f"{' and '.join(asked)} was given for {name}, which is a dual encoder: these are for models that "
            "write. Leave it out; device=None takes the GPU where there is one."
        )


def _refuse(options: Options, name: str, what: str) -> None:
    if options.asked:
        raise BadInputError(
            f"{', '.join(options.asked)} was given for {name}, which is {what}: it is built as its folder "
            "says. "
            "Leave it out."
        )


def _parts(folder: Path, weights: Sequence[Path]) -> list[Path]:
    """The files whose change makes another model: weights, configurations, vocabularies."""
    settings = [file for file in folder.iterdir() if file.suffix in (".json", ".txt", ".model", ".jinja")]
    return list(dict.fromkeys([*weights, *settings]))


def _architecture(
    reference: Reference, card: ModelCard, options: Options, listen: Listen
) -> tuple[list[Path], Build]:
    _refuse_sizes(options, card.name)
    import open_clip

    from workbench.models.adapters.open_clip import OpenClipFiles, load_open_clip, tag_preprocessing
    from workbench.models.adapters.open_clip_weights import unsure_activation

    config: dict[str, Any] = open_clip.get_model_config(reference.architecture)
    text = config["text_cfg"]
    notes: list[str] = []
    if reference.kind == "file":
        weights = reference.path
        preprocessing, note = tag_preprocessing(reference.architecture)
        notes += [note, *unsure_activation(reference.architecture, weights, options)]
    else:
        preprocessing = open_clip.get_pretrained_cfg(reference.architecture, reference.tag)
        weights = _tag_weights(preprocessing, reference, listen)
        wanted = preprocessing.get("quick_gelu") and options.force_quick_gelu is None
        if wanted and not config.get("quick_gelu"):
            config["quick_gelu"] = True
            notes.append(
                f"{reference.tag} was trained with QuickGELU, which {reference.architecture} lacks; "
                "it was switched on."
            )
    tokeniser = None
    if text.get("hf_tokenizer_name"):
        repo = text["hf_tokenizer_name"]
        tokeniser = hub.fetch(
            repo, hub.choose_tokeniser, name=f"the tokeniser of {card.name}", **listen._asdict()
        )
    files = OpenClipFiles(config, weights, preprocessing, tokeniser, _text_config(text, card.name, listen))
    return [weights], partial(load_open_clip, files, card, notes=tuple(notes), options=options)


def _text_config(text: dict[str, Any], name: str, listen: Listen) -> Path | None:
    """Folder with the configuration of a transformers text tower; its code is never taken from there."""
    source = text.get("hf_model_name")
    if not source:
        return None
    folder = Path(source) if Path(source).is_dir() else None
    if folder is None:
        what = f"the text tower's configuration of {name}"
        folder = hub.fetch(
            source, lambda files: ["config.json"] if "config.json" in files else None, name=what
        )
    if "auto_map" in read_json(folder / "config.json"):
        raise BadWeightsError(
            f"The text tower {source!r} of {name} brings its own code, which is never run here."
        )
    return folder


def _tag_weights(cfg: dict[str, Any], reference: Reference, listen: Listen) -> Path:
    repo, _, file = cfg["hf_hub"].rpartition("/")

    def choose(files: Any) -> list[str] | None:
        if not file:
            return hub.choose_open_clip_weights(files)
        safe = str(Path(file).with_suffix(".safetensors"))
        return next(([name] for name in (safe, file) if name in files), None)

    folder = hub.fetch(repo, choose, name=reference.name, **listen._asdict())
    listing = {path.name: 0 for path in folder.iterdir()}
    return folder / (choose(listing) or [file])[0]


def _card(reference: Reference) -> ModelCard:
    row = next((card for card in CARDS if card.name == reference.name), None)
    if row is not None:
        return row
    library = "open_clip" if reference.architecture else "unknown"
    blank = ModelCard(reference.name, library, "unknown", "on this machine")
    return replace(blank, summary="not in the curated list; read its publisher's page for licence and limits")
