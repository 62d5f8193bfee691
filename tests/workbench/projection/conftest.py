"""The tiny random models of the model tests."""

from tests.workbench.models.conftest import clip_folder  # noqa: F401 - a fixture
