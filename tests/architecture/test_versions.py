"""pyproject.toml, constraints.txt and environment.yml say the same."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def whole(root):
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def project(whole):
    return whole["project"]


@pytest.fixture(scope="module")
def pinned(root):
    lines = [
        line
        for line in (root / "constraints.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    return dict(line.split("==") for line in lines)


def requirements(project) -> list[Requirement]:
    extras = project["optional-dependencies"].values()
    asked = [*project["dependencies"], *(item for extra in extras for item in extra)]
    return [Requirement(item) for item in asked if not item.startswith(project["name"])]


def test_every_dependency_is_pinned_within_its_range(whole, project, pinned):
    left_out = whole["tool"]["constraints"]["left_out"]
    assert set(left_out) == {"bitsandbytes"}, "what computes on a GPU alone, and nothing else"
    for wanted in requirements(project):
        if wanted.name in left_out:
            continue
        version = pinned.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is not in constraints.txt; run tools/constraints.py"
        assert wanted.specifier.contains(version), f"{wanted} does not allow the pinned {version}"


def test_the_pinned_versions_are_those_under_test(root):
    done = subprocess.run(
        [sys.executable, "tools/constraints.py", "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_constraints_hold_plain_versions_and_no_place(root):
    lines = (root / "constraints.txt").read_text("utf-8").splitlines()
    assert [line for line in lines[1:] if not re.fullmatch(r"[a-z0-9.-]+==[\w.!]+", line)] == []
    assert lines[1:] == sorted(lines[1:], key=lambda line: line.split("==")[0])


def test_conda_brings_python_only_and_pip_the_pinned_project(root, project):
    environment = yaml.safe_load((root / "environment.yml").read_text("utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *conda, pip = environment["dependencies"]
    assert conda == ["python=3.11", "pip"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[photos,test]"]}
    assert project["requires-python"] == ">=3.11"


def test_nothing_of_the_recipes_is_needed_to_use_the_workbench(project):
    names = {canonicalize_name(Requirement(item).name) for item in project["dependencies"]}
    assert "resvg-py" not in names and "pytest" not in names
