"""The `shapes` data: scenes drawn by our own code, whose right answers are known."""

from __future__ import annotations

import random
from functools import lru_cache, partial

import numpy as np
from PIL.Image import Image

from workbench.data.dataset_cards import card
from workbench.data.pairs import Pairs, Source, content_key
from workbench.data.scene_language import caption, questions
from workbench.data.scenes import Scene, draw_scene, make_scene
from workbench.errors import BadInputError

__all__ = ["checked_count", "load_shapes", "scene_source", "split_of"]

_TEST_SHARE = 0.2


def load_shapes(*, n: int = 200, seed: int = 0, language: str = "en") -> Pairs:
    """`n` scenes of one to five things, with captions in English ("en") or Chinese ("zh").

    The same seed gives the same scenes everywhere, and a smaller `n` gives the first of them.
    Labels are the number of things. Columns: `scene` (a `Scene`: its things, `.mask(k)`,
    `.relation(a, b)`), `questions` (a tuple of `Question`), `caption_en`, `caption_zh`.

    Raises:
        BadInputError: `n` below 1, or another language.
    """
    checked_count(n)
    if language not in ("en", "zh"):
        raise BadInputError(f"language is {language!r}; captions of shapes come in 'en' and 'zh'.")
    scenes = tuple(make_scene(seed, item) for item in range(n))
    english, chinese = (tuple(caption(scene, tongue) for scene in scenes) for tongue in ("en", "zh"))
    about = card("shapes")
    return Pairs(
        name="shapes",
        sources=tuple(scene_source(scene) for scene in scenes),
        texts=english if language == "en" else chinese,
        labels=tuple(str(len(scene.things)) for scene in scenes),
        columns={
            "scene": scenes,
            "questions": tuple(questions(scene, seed=seed) for scene in scenes),
            "caption_en": english,
            "caption_zh": chinese,
        },
        credit=about.credit,
        licence=about.licence,
        code=f"data.load('shapes', n={n}, seed={seed}"
        + (f", language={language!r})" if language != "en" else ")"),
    )


def checked_count(n: int) -> int:
    """`n`, if it is a number of scenes."""
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 1:
        raise BadInputError(f"n is {n!r}; expected a whole number, at least 1 scene.")
    return int(n)


def split_of(seed: int, item: int) -> str:
    """ "train" or "test", of a whole scene: its questions must not be shared out between the two."""
    return "test" if random.Random(f"split/{seed}/{item}").random() < _TEST_SHARE else "train"


def scene_source(scene: Scene) -> Source:
    """The scene, drawn when its picture is asked for."""
    # The key names what is drawn, not the pixels: a new Pillow may round an edge differently.
    return Source(partial(_copied, scene), partial(_key, scene))


def _copied(scene: Scene) -> Image:
    return _drawn(scene).copy()


def _key(scene: Scene) -> str:
    return content_key(repr(scene).encode())


_drawn = lru_cache(maxsize=256)(draw_scene)
