"""`load`: from a name to a model that is ready, once per name, device, precision and state of its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench._repr import human_bytes
from workbench.errors import BadInputError, BadWeightsError, UnavailableError
from workbench.models import hub
from workbench.models.base import DualEncoder, ModelCard
from workbench.models.cards import CARDS
from workbench.models.names import Reference, parse
from workbench.models.probes import probe
from workbench.models.shelf import Shelf
from workbench.models.weights import PICKLE_SUFFIXES, find_weights, read_json, stamp
from workbench.results import Event, OnEvent
from workbench.runtime import choose_device, choose_dtype, free, is_out_of_memory

if TYPE_CHECKING:
    import torch

    from workbench.models.adapters.tower import TwoTower

__all__ = ["keep", "load", "loaded", "unload"]

shelf = Shelf()
"""The models that stay loaded."""

Build = Callable[..., "TwoTower"]


def load(
    name: str,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    on_event: OnEvent | None = None,
) -> DualEncoder:
    """A model ready to embed: `"emoji-clip"`, `"open_clip:ARCH/TAG"`, `"open_clip:ARCH/path/to/weights"`,
    `"hf:ORG/NAME"` or a local folder: of either library, or of two towers joined (`workbench.recipes.lit`).

    The same name, device, precision and files give the same object. A model that is not on this
    machine is downloaded, since you named it; an `Event` says its size and licence first.

    Args:
        device: None takes CUDA, then MPS, then the CPU.
        dtype: None takes what suits the device: float32 on a CPU.

    Raises:
        UnknownNameError: no such model; the message gives the nearest names.
        UnavailableError: not here and not to be had now, or too large for the device.
        BadWeightsError: the weights are damaged, unsafe, or of another architecture.
        UnsupportedError: a model, but not a dual encoder of a known family.
    """
    reference = parse(name)
    place = choose_device(device)
    precision = choose_dtype(place, dtype)
    files, build = _locate(reference, on_event)
    key = (reference.name, str(place), str(precision), stamp(files))
    return shelf.get(key, partial(_ready, build, reference.name, place, precision, on_event))


def loaded() -> tuple[DualEncoder, ...]:
    """The models kept in memory, least recently used first."""
    return shelf.models()


def keep(*, limit_gb: float) -> None:
    """Keep at most this much loaded, the newest model in any case (else `$WORKBENCH_MODELS_GB`, or 8)."""
    if limit_gb < 0:
        raise BadInputError(f"limit_gb={limit_gb} was given; expected gigabytes, 0 to keep one model only.")
    shelf.limit_bytes = int(limit_gb * 1e9)


def unload(name: str | None = None) -> list[str]:
    """Give back one model's memory, or all; the names given back. What you still hold stays usable."""
    return shelf.drop(name)


def _ready(
    build: Build, name: str, device: torch.device, dtype: torch.dtype, on_event: OnEvent | None
) -> TwoTower:
    if on_event is not None:
        on_event(Event("loading", 0, 1, f"loading {name}"))
    model, problem = _try_to_build(build, device, dtype)
    if model is None:
        unload()  # other models may hold what this one needs
        model, problem = _try_to_build(build, device, dtype)
    if model is None:
        raise UnavailableError(
            f"{name} does not fit into the memory of {device}: {problem} Other models were unloaded already. "
            "Take device='cpu', dtype='bfloat16', or a smaller model."
        )
    model.feature, model.capabilities = probe(model)
    if on_event is not None:
        on_event(Event("loading", 1, 1, f"{name} is ready ({human_bytes(model.size_bytes)} on {device})"))
    return model


def _try_to_build(build: Build, device: Any, dtype: Any) -> tuple[TwoTower | None, str]:
    # Returned, not re-raised: the exception's traceback would pin the half-built model.
    try:
        return build(device=device, dtype=dtype), ""
    except (RuntimeError, MemoryError) as problem:
        if not is_out_of_memory(problem):
            raise
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else "out of memory."
    free()
    return None, reason


def _locate(reference: Reference, on_event: OnEvent | None) -> tuple[list[Path], Build]:
    """Every file the model is made from, on this machine now, and the function that builds it."""
    card = _card(reference)
    if reference.kind == "folder":
        return _folder(reference.path, card, on_event)
    if reference.kind == "hub":
        folder = hub.fetch(reference.repo, hub.choose_model_files, name=reference.name, on_event=on_event)
        return _folder(folder, card, on_event)
    return _architecture(reference, card, on_event)


def _folder(folder: Path, card: ModelCard, on_event: OnEvent | None) -> tuple[list[Path], Build]:
    if (folder / "joined_config.json").is_file():
        from workbench.models.adapters.joined import load_joined

        towers = partial(load_joined, folder, card, on_event=on_event)
        return _parts(folder, sorted(folder.glob("*.safetensors"))), towers
    ours, theirs = folder / "open_clip_config.json", folder / "config.json"
    # Repositories of open_clip models often carry a config.json too; the weights beside it decide.
    if ours.is_file() and not (theirs.is_file() and (folder / "model.safetensors").is_file()):
        return _open_clip_folder(folder, card, on_event)
    if theirs.is_file():
        from workbench.models.adapters.transformers import load_transformers

        weights = find_weights(folder)
        return _parts(folder, weights), partial(load_transformers, folder, weights, card)
    raise BadWeightsError(
        f"{folder} is not a model folder: it has neither open_clip_config.json nor config.json nor "
        "joined_config.json. Give the folder that save_pretrained(), open_clip's push_to_hf_hub() or "
        "workbench.recipes.lit wrote."
    )


def _open_clip_folder(folder: Path, card: ModelCard, on_event: OnEvent | None) -> tuple[list[Path], Build]:
    from workbench.models.adapters.open_clip import load_folder

    weights = find_weights(folder)[0]
    text = read_json(folder / "open_clip_config.json").get("model_cfg", {}).get("text_cfg", {})
    tokeniser = folder if text.get("hf_tokenizer_name") else None
    config = _text_config(text, card.name, on_event)
    build = partial(load_folder, folder, weights, card, tokeniser=tokeniser, text_config=config)
    return _parts(folder, [weights]), build


def _parts(folder: Path, weights: Sequence[Path]) -> list[Path]:
    """The files whose change makes another model: weights, configurations, vocabularies."""
    return [*weights, *(file for file in folder.iterdir() if file.suffix in (".json", ".txt", ".model"))]


def _architecture(
    reference: Reference, card: ModelCard, on_event: OnEvent | None
) -> tuple[list[Path], Build]:
    import open_clip

    from workbench.models.adapters.open_clip import OpenClipFiles, load_open_clip, tag_preprocessing

    config: dict[str, Any] = open_clip.get_model_config(reference.architecture)
    text = config["text_cfg"]
    notes: list[str] = []
    if reference.kind == "file":
        weights = reference.path
        preprocessing, note = tag_preprocessing(reference.architecture)
        notes.append(note)
    else:
        preprocessing = open_clip.get_pretrained_cfg(reference.architecture, reference.tag)
        weights = _tag_weights(preprocessing, reference, on_event)
        if preprocessing.get("quick_gelu") and not config.get("quick_gelu"):
            config["quick_gelu"] = True
            notes.append(
                f"{reference.tag} was trained with QuickGELU, which {reference.architecture} lacks; "
                "it was switched on."
            )
    if weights.suffix in PICKLE_SUFFIXES:
        notes.append(f"{weights.name} is a pickle; it was opened with torch's restricted reader.")
    tokeniser = None
    if text.get("hf_tokenizer_name"):
        repo = text["hf_tokenizer_name"]
        tokeniser = hub.fetch(
            repo, hub.choose_tokeniser, name=f"the tokeniser of {card.name}", on_event=on_event
        )
    files = OpenClipFiles(config, weights, preprocessing, tokeniser, _text_config(text, card.name, on_event))
    return [weights], partial(load_open_clip, files, card, notes=tuple(notes))


def _text_config(text: dict[str, Any], name: str, on_event: OnEvent | None) -> Path | None:
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


def _tag_weights(cfg: dict[str, Any], reference: Reference, on_event: OnEvent | None) -> Path:
    repo, _, file = cfg["hf_hub"].rpartition("/")

    def choose(files: Any) -> list[str] | None:
        if not file:
            return hub.choose_open_clip_weights(files)
        safe = str(Path(file).with_suffix(".safetensors"))
        return next(([name] for name in (safe, file) if name in files), None)

    folder = hub.fetch(repo, choose, name=reference.name, on_event=on_event)
    listing = {path.name: 0 for path in folder.iterdir()}
    return folder / (choose(listing) or [file])[0]


def _card(reference: Reference) -> ModelCard:
    row = next((card for card in CARDS if card.name == reference.name), None)
    if row is not None:
        return row
    library = "open_clip" if reference.architecture else "unknown"
    blank = ModelCard(reference.name, library, "unknown", "on this machine")
    return replace(blank, summary="not in the curated list; read its publisher's page for licence and limits")
