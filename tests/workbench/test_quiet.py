"""What is not to be heard is not heard in one thread, and in every other it is."""

from __future__ import annotations

import io
import logging
import pickle
import sys
import threading
import types
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from workbench import data
from workbench.projection import project
from workbench.quiet import _Asking, no_records, no_warnings
from workbench.results import Embeddings


def elsewhere(do: Callable[[], None]) -> None:
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()


def heard(said: list[warnings.WarningMessage]) -> list[str]:
    return [str(one.message) for one in said]


def test_a_thread_that_wants_no_warnings_hears_none_and_the_others_hear_theirs() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with no_warnings():
            warnings.warn("mine", UserWarning, stacklevel=1)
            elsewhere(lambda: warnings.warn("theirs", UserWarning, stacklevel=1))
        warnings.warn("afterwards", UserWarning, stacklevel=1)
    assert heard(said) == ["theirs", "afterwards"]


def test_a_filter_that_a_caller_set_since_does_not_stand_before_ours() -> None:
    with no_warnings():
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with no_warnings():
            warnings.warn("mine", UserWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="afterwards"):
            warnings.warn("afterwards", UserWarning, stacklevel=1)


def test_only_the_category_is_silent_and_one_section_inside_another_ends_alone() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with no_warnings(DeprecationWarning), no_warnings(DeprecationWarning):
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            warnings.warn("new", UserWarning, stacklevel=1)
        with no_warnings(DeprecationWarning):
            with no_warnings(DeprecationWarning):
                pass
            warnings.warn("old still", DeprecationWarning, stacklevel=1)
    assert heard(said) == ["new"]


def test_there_is_one_filter_while_it_is_needed_and_it_can_be_sent_to_another_process() -> None:
    before = [*warnings.filters]
    with no_warnings(FutureWarning), no_warnings(FutureWarning):
        ours = [one for one in warnings.filters if type(one[1]) is _Asking]
        sent = pickle.loads(pickle.dumps(ours))
    assert len(ours) == 1
    assert sent[0][1].category is FutureWarning and not sent[0][1].match("anything")
    assert warnings.filters == before


def test_what_umap_learn_warns_of_is_not_heard_and_what_others_warn_of_meanwhile_is(monkeypatch) -> None:
    class UMAP:
        def __init__(self, **_: object) -> None:
            pass

        def fit_transform(self, vectors: np.ndarray) -> np.ndarray:
            warnings.warn("n_jobs value overridden", UserWarning, stacklevel=1)
            elsewhere(lambda: warnings.warn("theirs", UserWarning, stacklevel=1))
            return vectors[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        project(Embeddings.from_array(vectors), reducer="umap-learn", seed=0)
    assert heard(said) == ["theirs"]


def test_pillows_warning_of_a_large_picture_is_not_heard_and_others_are(monkeypatch) -> None:
    content = io.BytesIO()
    Image.new("RGB", (40, 40)).save(content, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    whole = Image.open

    def opened(*args: object, **kwargs: object) -> Image.Image:
        elsewhere(lambda: warnings.warn("theirs", Image.DecompressionBombWarning, stacklevel=1))
        return whole(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", opened)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert data.open_picture(content.getvalue()).size == (40, 40)
    assert heard(said) == ["theirs"]


def test_records_of_a_library_are_written_by_other_threads_and_above_a_level() -> None:
    written: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(record.getMessage())  # type: ignore[method-assign]
    library, child, other = map(logging.getLogger, ("a_library", "a_library.part", "a_library_of_others"))
    for logger in (library, other):
        logger.addHandler(handler)
        logger.propagate = False
    try:
        with no_records("a_library"):
            child.warning("mine")
            child.error("broken")
            other.warning("of others")
            elsewhere(lambda: child.warning("theirs"))
        child.warning("afterwards")
    finally:
        for logger in (library, other):
            logger.removeHandler(handler)
    assert written == ["broken", "of others", "theirs", "afterwards"]


def test_two_threads_that_load_leave_bars_and_levels_of_transformers_as_they_were() -> None:
    from transformers.utils import logging as theirs

    from workbench.models.weights import _without_bars

    before, level = theirs.is_progress_bar_enabled(), theirs.get_verbosity()
    first, second = _without_bars(), _without_bars()
    first.__enter__()
    done: list[object] = []

    def overlap() -> None:
        second.__enter__()
        first_is_over.wait(10)
        second.__exit__(None, None, None)

    first_is_over = threading.Event()
    thread = threading.Thread(target=overlap)
    thread.start()
    assert isinstance(theirs.tqdm([]), theirs.EmptyTqdm)
    elsewhere(lambda: done.append(theirs.tqdm([], disable=True)))
    assert not isinstance(done[0], theirs.EmptyTqdm)
    first.__exit__(None, None, None)
    first_is_over.set()
    thread.join()
    assert (theirs.is_progress_bar_enabled(), theirs.get_verbosity()) == (before, level)
    assert not isinstance(theirs.tqdm([], disable=True), theirs.EmptyTqdm)
