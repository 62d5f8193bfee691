"""`load`: from a name to a model that is ready, once per name, device, precision and state of its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.calling import verb
from workbench.devices import choose_device, choose_dtype
from workbench.errors import BadInputError, UnavailableError
from workbench.formatting import human_bytes
from workbench.models.base import DualEncoder
from workbench.models.claims import in_words
from workbench.models.locating import Listen, locate
from workbench.models.names import parse
from workbench.models.options import AS_IT_SAYS, Options
from workbench.models.probes import probe
from workbench.models.shelf import Shelf
from workbench.models.texts import check_reading
from workbench.models.weights import stamp
from workbench.models.writer import Writer
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import free, is_out_of_memory

if TYPE_CHECKING:
    import torch

    from workbench.models.locating import Build, Ready

__all__ = ["fetch", "keep", "load", "loaded", "unload"]

shelf = Shelf()
"""The models that stay loaded."""


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
    quantize: str | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Any:
    """A model ready to embed or to write: `"emoji-clip"`, `"open_clip:ARCH/TAG"`,
    `"open_clip:ARCH/path/to/weights"`, `"hf:ORG/NAME"`, `"hf:ORG/NAME@REVISION"` or a local folder: of either
    library, or of two towers joined (`workbench.recipes.lit`).

    What its configuration says it is, it becomes: a captioner, a vision-language model or another model of
    transformers that generates is a `Writer`; a CLIP and its kin are `DualEncoder`s.

    The same name, device, precision and files give the same object. A model that is not on this
    machine is downloaded, since you named it; an `Event` says its size and licence first. What was
    downloaded once loads without a network; `@REVISION`, a branch, a tag or a commit, keeps to one version.

    Args:
        name: one of the forms above; `available` lists names that are known.
        device: None takes CUDA, then MPS, then the CPU; "auto" spreads a model that writes over all GPUs and
            the machine's memory, where it is larger than one of them (accelerate).
        dtype: None takes what suits the device: float32 on a CPU. "bfloat16" halves a large model there, too.
        image_size: pixels of each side that the image tower is to read; None as its files say. Positions of
            another number of patches are resampled, and `.notes` says so.
        context_length: token positions of the text tower; None as its files say.
        force_quick_gelu: True builds both towers with QuickGELU (OpenAI's CLIPs and their fine-tunes), False
            without; None as the files say. A weights file says nothing of it.
        language: of a model that writes, the language it is to write in, by the mark its vocabulary has for
            it ("zh" of shapes-captioner). Else the code that the tokeniser is to put before a text (NLLB's
            "fra_Latn"); None takes the tokeniser's own, and `.notes` says which that is.
        quantize: "4bit" keeps the weights of a model that writes in 4 bits, on an NVIDIA GPU (bitsandbytes);
            None as they are.
        on_event: hears bytes done of bytes in all while a model is downloaded.
        should_stop: asked while bytes arrive; what has arrived is kept, and the next call goes on from there.

    Returns:
        A `DualEncoder` (`.card`, `.feature`, `.notes`, and what `embed`, `classify` or `attribute` ask it),
        or a `Writer` (`.card`, `.notes`, and what `workbench.generation.write` asks it).

    Raises:
        Cancelled: `should_stop` said so.
        UnknownNameError: no such model; the message gives the nearest names.
        UnavailableError: not here and not to be had now, or too large for the device.
        BadWeightsError: the weights are damaged, unsafe, or of another architecture; or the model reads every
            text alike, because its tokeniser is empty or another model's.
        BadInputError: an option that this model cannot be built with.
        UnsupportedError: a model that neither writes nor is a dual encoder of a known family, or one that
            brings its own code; the message names what to take instead, where it is known.

    Example:
        >>> from workbench import models
        >>> model = models.load("emoji-clip")
        >>> model.card.name, model.feature, model.card.image_size
        ('emoji-clip', 192, (64, 64))
    """
    reference = parse(str(name))
    spread = True if str(device) == "auto" else None
    place = choose_device(None if spread else device)
    precision = choose_dtype(place, dtype)
    options = Options(image_size, context_length, force_quick_gelu, language, quantize, spread)
    with in_words(reference.name):
        files, build = locate(reference, options, Listen(on_event, should_stop))
    before = stamp(files)
    key = (reference.name, options, str(place), str(precision), before)

    def ready() -> Ready:
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
def loaded() -> tuple[DualEncoder | Writer, ...]:
    """The models kept in memory, least recently used first.

    Returns:
        `DualEncoder`s and `Writer`s, as `load` gave them.

    Example:
        >>> from workbench import models
        >>> model = models.load("emoji-clip")
        >>> models.loaded()[-1] is model
        True
    """
    kept: tuple[Any, ...] = shelf.models()
    return kept


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
    return tuple(locate(parse(str(name)), AS_IT_SAYS, Listen(on_event, should_stop))[0])


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
) -> Ready:
    from workbench.models.adapters.tower import TwoTower

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
    if isinstance(model, TwoTower):
        model.feature, model.capabilities = probe(model)
        check_reading(model)
    if model.card.commit:
        model.notes = (*model.notes, f"the files of {name} are those of commit {model.card.commit[:12]}")
    if on_event is not None:
        on_event(Event("loading", 1, 1, f"{name} is ready ({human_bytes(model.size_bytes)} on {device})"))
    return model


def _try_to_build(build: Build, device: Any, dtype: Any) -> tuple[Ready | None, str]:
    # Returned, not re-raised: the exception's traceback would pin the half-built model.
    try:
        return build(device=device, dtype=dtype), ""
    except (RuntimeError, MemoryError) as problem:
        if not is_out_of_memory(problem):
            raise
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else "out of memory."
    free()
    return None, reason
