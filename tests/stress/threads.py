"""Section "threads": every verb and every widget's job beside every other on one model.

Each gives bit for bit what it gives alone: sums are taken on one thread of torch, in one order, and the models
compute in double precision. Afterwards the vectors that were remembered meanwhile are those of a quiet kernel,
and every switch of torch, of its libraries and of the model is where it was.
"""

from __future__ import annotations

import random
import sys
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.stress.setting import Setting

__all__ = ["run"]

_THREADS, _EACH = 4, 4
_STUCK = 900.0  # seconds: they wait for each other
_SWITCH = 1e-4  # seconds between two turns: ten times as many meetings as usual


def run(setting: Setting) -> str:
    """Rounds of several threads that each do several things."""
    import torch

    from tests.shared_model import everything
    from workbench.embedding import forget

    torch.set_num_threads(1)
    models = _models(setting)
    quiet: dict[str, dict[str, Any]] = {}
    met: Counter[str] = Counter()
    for number in setting.rounds():
        kind = sorted(models)[number % len(models)]
        model, pairs = models[kind]
        every = everything(model, pairs)
        if kind not in quiet:
            forget()
            quiet[kind] = {name: run() for name, run in every.items()}
        before = switches(model)
        forget()
        chance = setting.chance(number)
        plans = _plans(sorted(every), chance, share=setting.most is not None)
        problems = _together(plans, every, quiet[kind])
        met.update(name for plan in plans for name in plan)
        kept = every["embed"]()
        if not _same(kept, quiet[kind]["embed"]):
            problems.append(
                "the vectors that were remembered meanwhile are others than those of a quiet kernel"
            )
        after = switches(model)
        problems += [
            f"{name} was {before[name]}, and is {after[name]}"
            for name in before
            if before[name] != after[name]
        ]
        for said in problems:
            setting.fail(f"{kind}:{number}", said)
    return f"{sum(met.values()):,} runs of {len(met)} verbs and jobs on {len(models)} models"


def _models(setting: Setting) -> dict[str, tuple[Any, Any]]:
    from tests.stress.model_readers import _of_transformers, tiny_folder
    from tests.stress.readers import noise
    from workbench import data, models

    folders = {name: setting.folder / name for name in ("open_clip", "transformers")}
    for folder in folders.values():
        folder.mkdir()
    tiny_folder(folders["open_clip"])
    _of_transformers("clip", folders["transformers"])
    pairs = data.from_pictures(
        [noise(k) for k in range(6)], texts=[f"a picture of {k} birds" for k in range(6)]
    )
    return {name: (_in_double(models.load(str(folder))), pairs) for name, folder in folders.items()}


def _in_double(model: Any) -> Any:
    """What is remembered already decides who shares a batch, and the size of a batch the last bits of a float32.

    In double precision a vector, rounded to the float32 that is kept, is the same in any company.
    """
    import torch

    model.model.double()
    model.dtype = torch.float64
    return model


def _plans(names: list[str], chance: random.Random, *, share: bool) -> list[list[str]]:
    """What each thread does: in the share all that there is once, else what is drawn."""
    if not share:
        return [[chance.choice(names) for _ in range(_EACH)] for _ in range(_THREADS)]
    turned = list(names)
    chance.shuffle(turned)
    return [turned[start::_THREADS] for start in range(_THREADS)]


def _together(
    plans: list[list[str]], every: dict[str, Callable[[], Any]], quiet: dict[str, Any]
) -> list[str]:
    problems: list[str] = []
    begin = threading.Barrier(len(plans))

    def work(plan: list[str]) -> None:
        begin.wait()
        for name in plan:
            try:
                if not _same(every[name](), quiet[name]):
                    problems.append(f"{name} gave something else than alone, beside {plans}")
            except Exception as problem:
                problems.append(f"{name}: {''.join(traceback.format_exception(problem)[-3:])}")

    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    workers = [threading.Thread(target=work, args=(plan,), daemon=True) for plan in plans]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(_STUCK)
    finally:
        sys.setswitchinterval(usual)
    if any(worker.is_alive() for worker in workers):
        problems.append(f"they wait for each other: {plans}")
    return problems


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in zip(one, other, strict=True)
    )


def switches(model: Any) -> dict[str, Any]:
    """What anybody could have turned and must have turned back."""
    import torch

    numpy = np.random.get_state()
    modules = dict(model.model.named_modules())
    return {
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "default dtype": torch.get_default_dtype(),
        "threads of torch": torch.get_num_threads(),
        "deterministic algorithms": (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic),
        "attention of torch": (
            torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(), torch.backends.cuda.math_sdp_enabled(),
        ),
        "functions of torch": (torch.nn.functional.softmax, torch.nn.functional.scaled_dot_product_attention),
        "random numbers of torch": torch.random.get_rng_state().numpy().tobytes(),
        "random numbers of numpy": (numpy[1].tobytes(), numpy[2:]),  # type: ignore[index]
        "random numbers of python": random.getstate(),
        "errors of numpy": np.geterr(),
        "filters of warnings": list(warnings.filters),
        "training flags": [name for name, module in modules.items() if module.training],
        "gradients wanted": [name for name, one in model.model.named_parameters() if one.requires_grad],
        "gradients held": [name for name, one in model.model.named_parameters() if one.grad is not None],
        "hooks": {
            name: (len(module._forward_hooks), len(module._forward_pre_hooks), len(module._backward_hooks), "forward" in vars(module))
            for name, module in modules.items()
        },
        "attention of transformers": {
            name: getattr(getattr(module, "config", None), "_attn_implementation", None) for name, module in modules.items()
        },
    }  # fmt: skip
