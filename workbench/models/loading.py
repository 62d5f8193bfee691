"""`load`: from a name to a model that is ready, once per name, device, precision and state of its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.calling import verb
from workbench.devices import choose_device, choose_dtype
from workbench.errors import BadInputError, BadWeightsError, UnavailableError
from workbench.formatting import human_bytes
from workbench.models import hub
from workbench.models.base import DualEncoder, ModelCard
from workbench.models.cards import CARDS
from workbench.models.claims import in_words
from workbench.models.folders import Found, look_into
from workbench.models.names import Reference, parse
from workbench.models.options import AS_IT_SAYS, Options
from workbench.models.probes import probe
from workbench.models.shelf import Shelf
from workbench.models.texts import check_reading, text_tokeniser
from workbench.models.weights import find_weights, read_json, stamp
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import free, is_out_of_memory

if TYPE_CHECKING:
    import torch

    from workbench.models.adapters.tower import TwoTower

__all__ = ["fetch", "keep", "load", "loaded", "unload"]

shelf = Shelf()
"""The models that stay loaded."""

Build = Callable[..., "TwoTower"]


class Listen(NamedTuple):
    """Who hears of a download, and who may stop it; handed on as it is."""

    on_event: OnEvent | None = None
    should_stop: ShouldStop | None = None


@verb
def load(
    name: str | Path,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    image_size: int | None = None,
    context_length: int | None = None,
    force_quick_gelu: bool | None = None,
    language: str | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> DualEncoder:
    """A model ready to embed: `"emoji-clip"`, `"open_clip:ARCH/TAG"`, `"open_clip:ARCH/path/to/weights"`,
    `"hf:ORG/NAME"`, `"hf:ORG/NAME@REVISION"` or a local folder: of either library, or of two towers joined
    (`workbench.recipes.lit`).

    The same name, device, precision and files give the same object. A model that is not on this
    machine is downloaded, since you named it; an `Event` says its size and licence first. What was
    downloaded once loads without a network; `@REVISION`, a branch, a tag or a commit, keeps to one version.

    Args:
        name: one of the forms above; `available` lists names that are known.
        device: None takes CUDA, then MPS, then the CPU.
        dtype: None takes what suits the device: float32 on a CPU.
        image_size: pixels of each side that the image tower is to read; None as its files say. Positions of
            another number of patches are resampled, and `.notes` says so.
        context_length: token positions of the text tower; None as its files say.
        force_quick_gelu: True builds both towers with QuickGELU (OpenAI's CLIPs and their fine-tunes), False
            without; None as the files say. A weights file says nothing of it.
        language: the code that the tokeniser is to put before a text, for text towers that read one (NLLB's
            "fra_Latn"); None takes the tokeniser's own, and `.notes` says which that is.
        on_event: hears bytes done of bytes in all while a model is downloaded.
        should_stop: asked while bytes arrive; what has arrived is kept, and the next call goes on from there.

    Returns:
        A `DualEncoder`: `.card`, `.feature`, `.notes`, and what the verbs of the other rooms ask it.

    Raises:
        Cancelled: `should_stop` said so.
        UnknownNameError: no such model; the message gives the nearest names.
        UnavailableError: not here and not to be had now, or too large for the device.
        BadWeightsError: the weights are damaged, unsafe, or of another architecture; or the model reads every
            text alike, because its tokeniser is empty or another model's.
        BadInputError: an option that this model cannot be built with.
        UnsupportedError: a model, but not a dual encoder of a known family.

    Example:
        >>> from workbench import models
        >>> model = models.load("emoji-clip")
        >>> model.card.name, model.feature, model.card.image_size
        ('emoji-clip', 192, (64, 64))
    """
    reference = parse(str(name))
    place = choose_device(device)
    precision = choose_dtype(place, dtype)
    options = Options(image_size, context_length, force_quick_gelu, language)
    with in_words(reference.name):
        files, build = _locate(reference, options, Listen(on_event, should_stop))
    before = stamp(files)
    key = (reference.name, options, str(place), str(precision), before)

    def ready() -> TwoTower:
        with in_words(reference.name):
            model = _ready(build, reference.name, place, precision, on_event)
        if stamp(files) != before:
            raise UnavailableError(
                f"The files of {reference.name} changed while they were read, so nobody knows which weights "
                "these are. Load it again once they are written."
            )
        return model

    return shelf.get(key, ready)


@verb
def loaded() -> tuple[DualEncoder, ...]:
    """The models kept in memory, least recently used first.

    Returns:
        `DualEncoder`s, as `load` gave them.

    Example:
        >>> from workbench import models
        >>> model = models.load("emoji-clip")
        >>> models.loaded()[-1] is model
        True
    """
    return shelf.models()


@verb
def keep(*, limit_gb: float) -> None:
    """Keep at most this much loaded, the newest model in any case (else `$WORKBENCH_MODELS_GB`, or 8).

    Args:
        limit_gb: gigabytes of weights in memory; 0 keeps one model only.

    Raises:
        BadInputError: it is below 0.

    Example:
        >>> from workbench import models
        >>> models.keep(limit_gb=8)
    """
    if limit_gb < 0:
        raise BadInputError(f"limit_gb={limit_gb} was given; expected gigabytes, 0 to keep one model only.")
    shelf.limit_bytes = int(limit_gb * 1e9)


@verb
def fetch(
    name: str | Path, *, on_event: OnEvent | None = None, should_stop: ShouldStop | None = None
) -> tuple[Path, ...]:
    """Bring a model's files onto this machine without loading it, for a class or a flight without a network.

    Args:
        name: as `load` takes it; a model that ships or is here already needs nothing.
        on_event: hears bytes done of bytes in all.
        should_stop: asked while bytes arrive; what has arrived is kept.

    Returns:
        The files that the model is made from.

    Raises:
        UnknownNameError: no such model; the message gives the nearest names.
        UnavailableError: not here and not to be had now.
        BadWeightsError: there is nothing that can be loaded, or it arrived damaged.
        BadInputError: the name is empty or cannot be read as one.
        Cancelled: `should_stop` said so.

    Example:
        >>> from workbench import models
        >>> sorted({file.suffix for file in models.fetch("emoji-clip")})
        ['.json', '.safetensors']
    """
    return tuple(_locate(parse(str(name)), AS_IT_SAYS, Listen(on_event, should_stop))[0])


@verb
def unload(name: str | None = None) -> list[str]:
    """Give back one model's memory, or all. What you still hold stays usable.

    Args:
        name: as it was loaded; None for all.

    Returns:
        The names given back.

    Example:
        >>> from workbench import models
        >>> models.unload("a-model-that-was-never-loaded")
        []
    """
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
    check_reading(model)
    if model.card.commit:
        model.notes = (*model.notes, f"the files of {name} are those of commit {model.card.commit[:12]}")
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


def _locate(reference: Reference, options: Options, listen: Listen) -> tuple[list[Path], Build]:
    """Every file the model is made from, on this machine now, and the function that builds it."""
    card = _card(reference)
    if reference.kind == "folder":
        fetch = partial(hub.fetch, choose=hub.choose_model_files, name=card.name, **listen._asdict())
        found = look_into(reference.path, wanted=reference.library, fetch=fetch)
        return _folder(found, card, options, listen)
    if reference.kind == "hub":
        repo, pinned = reference.repo, reference.revision
        folder = hub.fetch(
            repo, hub.choose_model_files, name=reference.name, revision=pinned, **listen._asdict()
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
        return _open_clip_folder(found, weights[0], card, options, listen)
    from workbench.models.adapters.transformers import load_transformers

    more: dict[str, Any] = {"adapter": found.adapter, "notes": found.notes, "options": options}
    ready = partial(load_transformers, folder, weights, card, **more)
    changes = [file for file in found.adapter.iterdir() if file.is_file()] if found.adapter else []
    return [*_parts(folder, weights), *changes], ready


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


def _refuse(options: Options, name: str, what: str) -> None:
    if options.asked:
        raise BadInputError(
            f"{', '.join(options.asked)} was given for {name}, which is {what}: it is built as its folder "
            "says. "
            "Leave it out."
        )


def _parts(folder: Path, weights: Sequence[Path]) -> list[Path]:
    """The files whose change makes another model: weights, configurations, vocabularies."""
    settings = [file for file in folder.iterdir() if file.suffix in (".json", ".txt", ".model")]
    return list(dict.fromkeys([*weights, *settings]))


def _architecture(
    reference: Reference, card: ModelCard, options: Options, listen: Listen
) -> tuple[list[Path], Build]:
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
