"""The share of `make stress` that every build runs, with its seed; and what it says of a section that fails.

Nothing here depends on how quick a machine is: so many rounds, and limits that are counted on a processor.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stress import soak
from tests.stress.mutators import mutated, replaced
from tests.stress.setting import Setting

SEED = 7


def ran(root: Path, *more: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(root / "tests" / "stress" / "stress.py"), "--seed", str(SEED), *more]
    return subprocess.run(
        program, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("section", ["threads", "kills", "mutations", "soak"])
def test_a_round_of_each_section_is_green(root: Path, section: str) -> None:
    done = ran(root, "--only", section, "--rounds", "1")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert f"{section}: green" in done.stdout and f"seed {SEED}" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_failure_prints_its_seed_and_the_command_that_repeats_it(root: Path) -> None:
    done = ran(root, "--only", "mutations", "--case", "no such reader:3")
    assert done.returncode == 1
    assert "mutations: 2 FAILED, 2 files of 1 kinds (0 read, 0 refused, 2 fault), " in done.stdout
    again = f"python tests/stress/stress.py --only mutations --seed {SEED} --case 'no such reader:3'"
    assert again in done.stdout


def test_the_same_seed_makes_the_same_file_wrong_in_the_same_way() -> None:
    whole = b'{"a": [1, 2, {"b": "text"}], "c": null}'
    for name in ("a.json", "a.bin.txt"):
        made = [[mutated(name, whole, random.Random(f"{seed}/{k}")) for k in range(40)] for seed in (1, 1, 2)]
        assert made[0] == made[1] != made[2]
        assert len(set(made[0])) > 20


def test_values_of_json_become_values_of_other_kinds() -> None:
    kinds = {replaced({"a": 3}, random.Random(k))[:7] for k in range(300)}
    assert {b'{"a": n', b'{"a": "', b'{"a": [', b'{"a": t', b"[[[[[[["} <= kinds


@pytest.mark.parametrize("name", ["memory MB", "open files", "threads", "temporary files"])
def test_what_grows_from_round_to_round_is_a_failure(tmp_path: Path, name: str) -> None:
    warm = {"memory MB": 1000.0, "open files": 2.0, "threads": 2.0, "temporary files": 0.0}
    setting = Setting("soak", SEED, tmp_path, 1.0)
    assert soak._within(setting, warm, warm | {"memory MB": 1050.0}, 3) and not setting.failures
    assert not soak._within(setting, warm, warm | {name: warm[name] + 100}, 3)
    assert len(setting.failures) == 1 and name in setting.failures[0]
