"""The tiny random models of the model tests, and a pair that is not square."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.workbench.models.conftest import clip_folder, hf_folder  # noqa: F401 - fixtures
from workbench import data


@pytest.fixture(scope="session")
def pair() -> data.Pair:
    """A picture of 40 x 64 pixels, with structure, and a caption."""
    noise = np.random.default_rng(3).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((64, 40), Image.Resampling.BICUBIC)
    return data.from_pictures([picture], texts=["two small red birds on a wire"])[0]
