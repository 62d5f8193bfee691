"""What users may lean on: named in `__all__`, there, typed and described."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import widgets
import workbench
from workbench.errors import BadCallError

PACKAGES = {"workbench": workbench, "widgets": widgets}
VERBS = {
    "workbench.data": ["load", "available", "card", "from_pictures"],
    "workbench.models": ["load", "available", "card"],
    "workbench.embedding": ["embed"],
    "workbench.zeroshot": ["classify", "retrieve"],
    "widgets": ["show"],
}
# One program of several steps; nothing imports from it.
WITHOUT_ALL = ("__main__",)


def modules() -> list[str]:
    found = list(PACKAGES)
    for name, package in PACKAGES.items():
        found += [module.name for module in pkgutil.walk_packages(package.__path__, f"{name}.")]
    return [name for name in found if not name.endswith(WITHOUT_ALL)]


def _has_code(module: ModuleType) -> bool:
    return any(
        getattr(value, "__module__", None) == module.__name__
        for name, value in vars(module).items()
        if name[0] != "_"
    )


@pytest.mark.parametrize("name", modules())
def test_every_public_name_is_listed_and_there(name):
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    if not hasattr(module, "__all__"):
        assert not _has_code(module), f"{name} defines public names and has no __all__"
        return
    assert [entry for entry in module.__all__ if not hasattr(module, entry)] == []
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("name", modules())
def test_what_is_listed_is_typed_and_described(name):
    module = importlib.import_module(name)
    for entry in getattr(module, "__all__", ()):
        thing = getattr(module, entry)
        if not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        assert inspect.getdoc(thing), f"{name}.{entry} has no docstring"
        if inspect.isfunction(thing):
            signature = inspect.signature(inspect.unwrap(thing))
            bare = [p.name for p in signature.parameters.values() if p.annotation is inspect.Parameter.empty]
            assert not bare, f"{name}.{entry}: no type for {bare}"
            assert signature.return_annotation is not inspect.Signature.empty, (
                f"{name}.{entry}: no return type"
            )


@pytest.mark.parametrize(
    ("module", "verb"), [(module, verb) for module, verbs in VERBS.items() for verb in verbs]
)
def test_every_verb_says_what_one_gets_and_what_it_refuses(module, verb):
    function = getattr(importlib.import_module(module), verb)
    text = inspect.getdoc(inspect.unwrap(function))
    first = text.splitlines()[0]
    assert first.endswith((".", ":", ",")) and len(first) > 20, (
        f"{module}.{verb}: the first line says what one gets"
    )
    if inspect.signature(function).parameters:
        assert "Raises:" in text, f"{module}.{verb} says nothing of what it refuses"


def rooms() -> list[str]:
    """The packages whose `__all__` is the public face."""
    found = [one.name for one in pkgutil.iter_modules(workbench.__path__, "workbench.") if one.ispkg]
    return [*(name for name in found if hasattr(importlib.import_module(name), "__all__")), "widgets"]


def verbs_of_rooms() -> list[tuple[str, str]]:
    return [
        (room, name)
        for room in rooms()
        for name in importlib.import_module(room).__all__
        if inspect.isfunction(getattr(importlib.import_module(room), name))
    ]


@pytest.mark.parametrize(("room", "name"), verbs_of_rooms())
def test_every_verb_answers_an_unknown_option_in_words_and_keeps_its_own_face(room, name):
    function = getattr(importlib.import_module(room), name)
    own = inspect.unwrap(function)
    assert own is not function and inspect.signature(function) == inspect.signature(own)
    assert (function.__doc__, function.__name__) == (own.__doc__, own.__name__)
    kinds = [one.kind for one in inspect.signature(own).parameters.values()]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        with pytest.raises(BadCallError, match="no option 'no_such_option'") as refused:
            function(no_such_option=1)
        assert isinstance(refused.value, TypeError)


def test_a_verb_takes_its_subject_by_position_and_its_options_by_name():
    from workbench.embedding import embed
    from workbench.zeroshot import classify

    for verb in (embed, classify):
        kinds = [p.kind for p in inspect.signature(verb).parameters.values()]
        assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 4, verb.__name__
