"""Which device a model runs on, and in which precision: what was asked for, or what suits this machine.

Importing this is cheap: torch is loaded by the first function that needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BadInputError, UnavailableError

if TYPE_CHECKING:
    import torch

__all__ = ["choose_device", "choose_dtype", "coarse_products", "has_cuda", "has_mps"]

_DTYPES = {
    "float32": "float32",
    "fp32": "float32",
    "bfloat16": "bfloat16",
    "bf16": "bfloat16",
    "float16": "float16",
    "fp16": "float16",
    "half": "float16",
}


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device to run on: the one asked for if it is here, else CUDA, then MPS, then the CPU.

    Args:
        device: "cuda", "cuda:1", "mps", "cpu" or a torch device; None chooses.

    Returns:
        A torch device that this machine has.

    Raises:
        BadInputError: torch knows no such device.
        UnavailableError: the device asked for is not on this machine.

    Example:
        >>> from workbench.devices import choose_device
        >>> choose_device("cpu")
        device(type='cpu')
    """
    import torch

    if device is None:
        return torch.device("cuda" if has_cuda() else "mps" if has_mps() else "cpu")
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError) as problem:
        raise BadInputError(
            f"device={device!r} is not a device; expected 'cuda', 'cuda:1', 'mps', 'cpu', or None to choose."
        ) from problem
    count = {"cuda": torch.cuda.device_count() if has_cuda() else 0, "mps": int(has_mps()), "cpu": 1}
    if (wanted.index or 0) >= count.get(wanted.type, 0):
        here = ", ".join(f"{name} ({number})" for name, number in count.items() if number)
        raise UnavailableError(
            f"device={str(device)!r} was asked for, but this machine has {here}. "
            "Leave the device out to take the best one; `workbench doctor` says why a GPU is not seen."
        )
    return wanted


def choose_dtype(
    device: str | torch.device | None = None, dtype: str | torch.dtype | None = None
) -> torch.dtype:
    """The precision of the forward pass: the one asked for, else what suits the device.

    bfloat16 on a CUDA card that computes in it, float16 on older ones and on MPS, float32 on a CPU.

    Args:
        device: as for `choose_device`; asked only where `dtype` is None.
        dtype: "float32", "bfloat16" or "float16", a short name of theirs ("bf16", "half"), or a torch dtype;
            None chooses.

    Returns:
        A torch dtype.

    Raises:
        BadInputError: neither a name of a floating type that models run in, nor such a torch dtype; or torch
            knows no such device.
        UnavailableError: the device is not on this machine.

    Example:
        >>> from workbench.devices import choose_dtype
        >>> choose_dtype("cpu"), choose_dtype(dtype="half")
        (torch.float32, torch.float16)
    """
    import torch

    if dtype is not None:
        name = _DTYPES.get(str(dtype).removeprefix("torch.").lower())
        if name is None:
            raise BadInputError(
                f"dtype={dtype!r} is not a precision; expected 'float32', 'bfloat16' or 'float16'."
            )
        return getattr(torch, name)
    kind = choose_device(device).type
    if kind == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    return torch.float16 if kind == "mps" else torch.float32


def coarse_products() -> str:
    """How coarsely torch may multiply float32 (`torch.set_float32_matmul_precision`); empty where exactly.

    It is part of what vectors are kept under in the cache: the same model gives others where it is set.

    Returns:
        "", "/high" or "/medium".

    Example:
        >>> from workbench.devices import coarse_products
        >>> coarse_products()
        ''
    """
    import torch

    allowed = torch.get_float32_matmul_precision()
    return "" if allowed == "highest" else f"/{allowed}"


def has_cuda() -> bool:
    """Whether torch can run on a CUDA card of this machine.

    Returns:
        True or False; False also where the card is there and its driver is not.

    Example:
        >>> from workbench.devices import choose_device, has_cuda
        >>> has_cuda() == (choose_device().type == "cuda")
        True
    """
    import torch

    return torch.cuda.is_available()


def has_mps() -> bool:
    """Whether torch can run on the graphics unit of an Apple computer.

    Returns:
        True or False.

    Example:
        >>> from workbench.devices import choose_device, has_mps
        >>> choose_device().type == "mps" if has_mps() else True
        True
    """
    import torch

    return torch.backends.mps.is_available()
