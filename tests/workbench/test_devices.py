"""On which device and in which precision a model runs."""

from __future__ import annotations

import pytest
import torch

from workbench import devices, runtime
from workbench.devices import choose_device, choose_dtype
from workbench.errors import BadInputError, UnavailableError


def test_the_device_is_cuda_then_mps_then_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_cuda", lambda: True)
    monkeypatch.setattr(devices, "has_mps", lambda: True)
    assert choose_device().type == "cuda"
    monkeypatch.setattr(devices, "has_cuda", lambda: False)
    assert choose_device().type == "mps"
    monkeypatch.setattr(devices, "has_mps", lambda: False)
    assert choose_device().type == "cpu"


def test_a_device_that_is_not_here_is_refused_with_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_cuda", lambda: False)
    monkeypatch.setattr(devices, "has_mps", lambda: False)
    with pytest.raises(UnavailableError, match=r"'cuda:1' was asked for, but this machine has cpu \(1\)"):
        choose_device("cuda:1")
    with pytest.raises(BadInputError, match="device='gpu' is not a device; expected 'cuda'"):
        choose_device("gpu")


def test_precision_suits_the_device_and_a_wish_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_dtype("cpu") is torch.float32
    assert choose_dtype("cpu", "bf16") is torch.bfloat16
    assert choose_dtype("cpu", torch.float16) is torch.float16
    with pytest.raises(BadInputError, match="dtype='int8' is not a precision"):
        choose_dtype("cpu", "int8")
    monkeypatch.setattr(devices, "choose_device", lambda device: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert choose_dtype("cuda") is torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert choose_dtype("cuda") is torch.float16


@pytest.mark.parametrize("name", ["choose_device", "choose_dtype", "coarse_products"])
def test_the_old_address_works_for_one_release_and_says_the_new(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"workbench.runtime.{name} is now workbench.devices.{name}"):
        assert getattr(runtime, name) is getattr(devices, name)
    with pytest.raises(AttributeError, match="no attribute 'choose_gpu'"):
        _ = runtime.choose_gpu
