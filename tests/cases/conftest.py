"""What the cases of results share: a model known by heart, one that ships, and a result of every class."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import FakeEncoder

from tests.cases.specimens import made
from workbench import models


@pytest.fixture(scope="module")
def encoder() -> FakeEncoder:
    """Knows three colours."""
    return FakeEncoder()


@pytest.fixture(scope="module")
def clip() -> Any:
    """A real one, small."""
    return models.load("emoji-clip")


@pytest.fixture(scope="module")
def specimens(encoder: FakeEncoder, clip: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[type, Any]:
    """One result of every public class."""
    return made(encoder, clip, tmp_path_factory.mktemp("corpus"))
