"""The models that ship to write: loaded by name, in the languages they know."""

from __future__ import annotations

import pytest

from workbench import data, models
from workbench.errors import BadInputError


def test_a_model_writes_in_the_language_that_it_is_loaded_for():
    chinese = models.load("shapes-captioner", language="zh")
    english = models.load("shapes-captioner")
    assert chinese is not english and chinese.weights_hash != english.weights_hash
    assert "'zh'" in " ".join(chinese.notes)
    pieces = []
    for writer in (english, chinese):
        continuation = writer.begin(writer.ask([data.load("shapes")[0].picture]))
        pieces.append(writer.decode([int(continuation.logits[0].argmax())])[0])
    assert pieces[0].strip() in ("a", "nothing") and pieces[1].strip() in ("一", "一个")
    assert english.ask([data.load("shapes")[0].picture]).pieces == ("<en>",)
    with pytest.raises(BadInputError, match=r"no mark of that language.*Its marks: en, zh\."):
        models.load("shapes-captioner", language="fr")


def test_what_ships_to_write_is_proved_to_load():
    from workbench.readiness import checked

    (finding,) = checked(["shapes-captioner"])
    assert finding.level == "ok" and "it writes about pictures" in finding.text


def test_a_padding_mark_that_was_drawn_is_written_without_a_word_of_the_library():
    import io
    import logging

    from transformers.modeling_utils import logger

    writer = models.load("shapes-captioner")
    padding = writer.module.generation_config.pad_token_id
    logger.warning_once.cache_clear()  # else it is said once a process, perhaps long before
    heard = logging.StreamHandler(io.StringIO())
    logging.getLogger("transformers").addHandler(heard)
    try:
        writer.begin(writer.ask([data.load("shapes")[0].picture])).extend([padding])
    finally:
        logging.getLogger("transformers").removeHandler(heard)
    assert heard.stream.getvalue() == ""
