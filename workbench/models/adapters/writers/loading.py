"""A folder of a model that writes, as `save_pretrained` leaves it, as a `Writer`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoImageProcessor, AutoProcessor

from workbench.errors import BadInputError, UnavailableError
from workbench.formatting import human_bytes
from workbench.models.adapters.languages import write_in
from workbench.models.adapters.transformers import part_of, tokeniser_of
from workbench.models.adapters.transformers_weights import check_report, put_on, tensor_shapes
from workbench.models.adapters.writers.architectures import class_of
from workbench.models.adapters.writers.layout import kind, sees
from workbench.models.adapters.writers.probing import probe_writer
from workbench.models.adapters.writers.reading import ByProcessor
from workbench.models.adapters.writers.writer import TransformersWriter
from workbench.models.base import ModelCard
from workbench.models.claims import check_built, check_picture_sizes, check_sizes
from workbench.models.natives import check_own_code
from workbench.models.options import AS_IT_SAYS, Options
from workbench.models.texts import has_vocabulary
from workbench.models.weights import files_digest, in_memory, read_json, reading
from workbench.runtime import memory_left

__all__ = ["load_writer"]

_BYTES = {"4bit": 0.6}  # a number's bytes with its scales, the parts that stay in half precision included
_SPARE = 1.1  # beside the weights: the first activations, and what a library takes for itself


def load_writer(
    folder: Path,
    weights: Sequence[Path],
    card: ModelCard,
    *,
    adapter: Path | None = None,
    notes: tuple[str, ...] = (),
    options: Options = AS_IT_SAYS,
    device: torch.device,
    dtype: torch.dtype,
) -> TransformersWriter:
    """Model and processor, ready to write.

    Raises:
        UnsupportedError: it needs its own code, or does not write.
        MemoryError: it is larger than the memory that is left.
        UnavailableError: it needs a package that is not here.
        BadWeightsError: weights, configuration or processor are damaged, or of another model.
        BadInputError: an option that such a model is not built with.
    """
    config = read_json(folder / "config.json")
    check_own_code(folder, config)
    _check_options(options, card.name, device)
    own = [file for file in weights if not file.name.startswith("adapter_")]
    numbers = _check_claims(folder, config, own)
    _check_memory(numbers, options, device, dtype)
    module = _module(folder, weights, config, options, device, dtype, f"the configuration in {folder}")
    changes = () if adapter is None else put_on(module, adapter)
    beside = adapter is None and getattr(module, "_hf_peft_config_loaded", False)
    module = module.eval().requires_grad_(False)
    if not (options.quantize or options.spread):
        module = module.to(device=device, dtype=dtype)
    read = _reading(folder, module, card.name)
    spoken = write_in(module, read.tokeniser, options.language)
    told = ("The adapter that lies beside its weights is applied.",) if beside else ()
    loaded = "".join(
        (
            files_digest((*weights, *changes)),
            options.quantize or "",
            options.language or "",
            str(module.dtype),
            type(module).__name__,
        )
    )
    writer = TransformersWriter(
        module,
        read,
        card=_card(card, module, read),
        loaded=loaded,
        notes=(*notes, *told, *spoken, *_told(module, options)),
    )
    return probe_writer(writer)


def _check_options(options: Options, name: str, device: torch.device) -> None:
    other = [given for given in options.asked if given not in ("quantize", "spread", "language")]
    if other:
        raise BadInputError(
            f"{', '.join(other)} was given for {name}, which is a model that writes: it is built as its "
            "folder says. Leave it out."
        )
    if options.spread and find_spec("accelerate") is None:
        raise UnavailableError(
            "device='auto' spreads a model over all GPUs and the memory of the machine by accelerate, which "
            "is not installed: pip install accelerate (or image-text-workbench[large])."
        )
    if options.quantize is None:
        return
    if device.type != "cuda":
        raise UnavailableError(
            f"quantize='4bit' was given, and this would run on {device}: bitsandbytes computes in 4 bits on "
            "NVIDIA's GPUs alone. Leave it out, load a smaller model, or use a machine with a GPU."
        )
    if find_spec("bitsandbytes") is None:
        raise UnavailableError(
            "quantize='4bit' was given, and bitsandbytes, which computes in 4 bits, is not installed: "
            "pip install bitsandbytes (or image-text-workbench[large])."
        )


def _check_claims(folder: Path, config: Mapping[str, Any], weights: Sequence[Path]) -> int:
    """How many numbers the weights hold; refused where the configuration claims far more."""
    shapes = tensor_shapes(weights)
    numbers = sum(prod(shape) for shape in shapes.values())
    check_sizes(config, numbers=numbers, tensors=len(shapes), where=folder)
    built: Any = class_of(config)
    settings = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    check_built(partial(built._from_config, settings), numbers=numbers, where=folder)
    return numbers


def _check_memory(numbers: int, options: Options, device: torch.device, dtype: torch.dtype) -> None:
    """Refuse a model that cannot fit before any of it is read: a machine that swaps looks dead.

    Raises:
        MemoryError: it cannot; whoever loads it may give other models' memory back and try again.
    """
    each = _BYTES.get(options.quantize or "", torch.empty((), dtype=dtype).element_size())
    needed = int(numbers * each * _SPARE)
    places = [device]
    if options.spread:
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        places = [*(torch.device("cuda", number) for number in range(gpus)), torch.device("cpu")]
    left = sum(memory_left(place) for place in places)
    if needed <= left:
        return
    half = " dtype='bfloat16' halves it." if dtype == torch.float32 and not options.quantize else ""
    cuda = device.type == "cuda" and not options.quantize
    quarter = " quantize='4bit' takes about a quarter of that." if cuda else ""
    spread = " device='auto' puts what does not fit into the machine's memory." if cuda else ""
    raise MemoryError(
        f"its {numbers:,} numbers need about {human_bytes(needed)} in "
        f"{str(dtype).removeprefix('torch.')}, and {human_bytes(left)} are left on "
        f"{'all devices' if options.spread else device}.{half}{quarter}{spread}"
    )


def _module(
    folder: Path,
    weights: Sequence[Path],
    config: Mapping[str, Any],
    options: Options,
    device: torch.device,
    dtype: torch.dtype,
    expected: str,
) -> Any:
    kind_of_model: Any = class_of(config)
    more: dict[str, Any] = {}
    if options.quantize:
        from transformers import BitsAndBytesConfig

        more["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_compute_dtype=dtype, bnb_4bit_quant_type="nf4"
        )
        more["device_map"] = {"": device}
    if options.spread:
        more["device_map"] = "auto"
    with reading(weights, expected):
        module, report = kind_of_model.from_pretrained(
            folder,
            use_safetensors=weights[0].suffix == ".safetensors",
            dtype=dtype,
            output_loading_info=True,
            trust_remote_code=False,
            local_files_only=True,
            **more,
        )
    check_report(module, report, weights, folder)
    return in_memory(module)


def _reading(folder: Path, module: Any, name: str) -> ByProcessor:
    """The processor of the folder, or its parts where they lie side by side."""
    if not has_vocabulary(folder):
        tokeniser_of(folder)  # says which file lacks
    found = part_of(AutoProcessor, folder, "processor")
    whole = found if hasattr(found, "tokenizer") or hasattr(found, "image_processor") else None
    tokeniser = getattr(whole, "tokenizer", None) or tokeniser_of(folder)
    images = getattr(whole, "image_processor", None)
    if images is None and sees(module) and (folder / "preprocessor_config.json").is_file():
        images = part_of(AutoImageProcessor, folder, "image processor")
    if images is not None:
        check_picture_sizes(images.to_dict(), where=folder / "preprocessor_config.json")
    return ByProcessor(module, processor=whole, images=images, tokeniser=tokeniser, name=name)


def _card(card: ModelCard, module: Any, read: ByProcessor) -> ModelCard:
    eye = getattr(module.config, "vision_config", None) or getattr(module.config, "encoder", None)
    size = getattr(eye, "image_size", None)
    return replace(
        card,
        library="transformers",
        family=card.family if card.family != "unknown" else kind(module),
        source="shipped" if card.source == "shipped" else "on this machine",
        image_size=(size, size) if isinstance(size, int) and read.has_eyes else None,
    )


def _told(module: Any, options: Options) -> list[str]:
    """What the reader must know of how it was loaded."""
    told = []
    if options.quantize:
        told.append(
            "Its weights are kept in 4 bits (NF4): what it writes differs a little from the model as "
            "published."
        )
    places = {str(place) for place in getattr(module, "hf_device_map", {}).values()}
    if options.spread and len(places) > 1:
        told.append(f"It is spread over {', '.join(sorted(places))}, which is slower than one device.")
    if getattr(module.generation_config, "forced_eos_token_id", None) is not None:
        told.append(
            "Its settings force an end mark as the last token once the most tokens are reached; here an "
            "answer that reaches them just stops."
        )
    return told
