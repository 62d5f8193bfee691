"""The tiny random models of the model tests, and the pair of the attribution tests."""

from __future__ import annotations

from tests.workbench.attribution.conftest import pair  # noqa: F401 - a fixture
from tests.workbench.models.conftest import clip_folder, hf_folder  # noqa: F401 - fixtures
