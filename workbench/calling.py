"""`verb`: what a public function says when it is called in another library's words, or with the wrong thing.

Python's own answer to an unknown keyword names neither what it might have been nor what there is. Here it is
one error with both, found before anything is computed. It stays a `TypeError`, as Python has it.
"""

from __future__ import annotations

import inspect
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping, Set, Sized
from functools import lru_cache, wraps
from typing import Any, Literal, ParamSpec, TypeVar, get_args, get_origin

from workbench.errors import BadCallError, BadInputError, did_you_mean
from workbench.foreign import MADE_BY, foreign_hint
from workbench.formatting import one_line

__all__ = ["check_kind", "check_options", "check_values", "made", "verb"]

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """`function` that refuses a wrong call in words; its name, signature and help stay its own.

    Checked are the names of the options, that what is needed is there, and arguments whose annotation is a
    number, a text, a path, a callback or a result of this package. All else is for the function to check.
    """
    signature = inspect.signature(function)
    name, said = _named(function, signature)
    checks = {
        parameter.name: found
        for parameter in signature.parameters.values()
        if (found := _checks(_plainly(parameter.annotation, function))) is not None
    }

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            raise _misspelt(
                name, said, args[len(signature.parameters) - len(said.parameters) :], kwargs
            ) from None
        for option, kinds in checks.items():
            if option in bound.arguments:
                _check(option, bound.arguments[option], kinds)
        return function(*args, **kwargs)

    return called


def made(hint: str = "") -> Callable[[C], C]:
    """A decorator for a class: a wrong call of it is refused in words, and ended with `hint`."""

    def decorate(kind: C) -> C:
        initial: Any = vars(kind)["__init__"]
        signature = inspect.signature(initial)
        own = signature.replace(parameters=list(signature.parameters.values())[1:])

        @wraps(initial)
        def called(self: Any, *args: Any, **kwargs: Any) -> None:
            try:
                own.bind(*args, **kwargs)
            except TypeError:
                problem = _misspelt(kind.__name__, own, args, kwargs)
                raise BadCallError(f"{problem} {hint}".strip()) from None
            initial(self, *args, **kwargs)

        setattr(kind, "__init__", called)  # noqa: B010 - an assignment would be an error of types
        return kind

    return decorate


def _named(function: Callable[..., Any], signature: inspect.Signature) -> tuple[str, inspect.Signature]:
    """What a message calls it, and with which parameters: `__init__` is its class, without `self`."""
    if function.__name__ != "__init__":
        return function.__name__, signature
    own = list(signature.parameters.values())[1:]
    return function.__qualname__.split(".")[-2], signature.replace(parameters=own)


def check_options(function: Callable[..., Any], options: Mapping[str, Any], *, of: str) -> None:
    """Refuse options that `function` does not have, before `of`, which hands them on, has done its work.

    What `function` needs by position is its subject, which `of` gives, and no option.

    Raises:
        BadCallError: there is no such option; the message names the nearest.
    """
    signature = inspect.signature(function)
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values()):
        return  # whoever takes them says it
    subject = [one.name for one in _needed(signature) if one.kind in _POSITIONAL]
    known = {name: one for name, one in signature.parameters.items() if name not in subject}
    for option in options:
        if option not in known:
            raise BadCallError(_unknown(of, option, known))


def check_values(function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse options of another kind than `function` says it takes, as `verb` does.

    Raises:
        BadInputError: one is.
    """
    for option, value in options.items():
        kinds = _checks(_plainly(inspect.signature(function).parameters[option].annotation, function))
        if kinds is not None:
            _check(option, value, kinds)


def check_kind(option: str, value: Any, *kinds: str) -> None:
    """Refuse what is of none of these classes of the package, by their names, and say what makes one.

    Raises:
        BadInputError: it is something else.
    """
    _check(option, value, kinds)


# What was called ------------------------------------------------------------------------------


def _misspelt(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> BadCallError:
    known = signature.parameters
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values())
    for option in kwargs:
        if option not in known and not takes_any:
            return BadCallError(_unknown(name, option, known))
    places = [one for one in known.values() if one.kind in _POSITIONAL]
    if len(args) > len(places):
        first = next((one for one in known if known[one].kind is inspect.Parameter.KEYWORD_ONLY), "")
        named = f" Options go by their names: {first}=..." if first else ""
        return BadCallError(
            f"{name}() takes {_counted(len(places))} by position, and {len(args)} were given: "
            f"{_call(name, signature)}.{named}"
        )
    twice = [one.name for one in places[: len(args)] if one.name in kwargs]
    if twice:
        return BadCallError(
            f"{name}() was given {twice[0]!r} twice, by position and by name: {_call(name, signature)}."
        )
    given = {*kwargs, *(one.name for one in places[: len(args)])}
    needed = " and ".join(repr(one.name) for one in _needed(signature) if one.name not in given)
    return BadCallError(f"{name}() needs {needed} as well: {_call(name, signature)}.")


def _needed(signature: inspect.Signature) -> list[inspect.Parameter]:
    """The parameters that have no default."""
    kinds = (*_POSITIONAL, inspect.Parameter.KEYWORD_ONLY)
    return [one for one in signature.parameters.values() if one.default is one.empty and one.kind in kinds]


def _counted(count: int) -> str:
    return "no argument" if not count else "1 argument" if count == 1 else f"{count} arguments"


def _call(name: str, signature: inspect.Signature) -> str:
    """The call as it is written with all that it needs."""
    needed = [one.name if one.kind in _POSITIONAL else f"{one.name}=..." for one in _needed(signature)]
    more = ["..."] if len(needed) < len(signature.parameters) else []
    return f"{name}({', '.join([*needed, *more])})"


def _unknown(name: str, option: str, known: Mapping[str, inspect.Parameter]) -> str:
    options = [one for one in known if known[one].kind is not inspect.Parameter.VAR_KEYWORD]
    hint = foreign_hint(name, option, options) or did_you_mean(option, options)
    said = f"{name if name.endswith(')') else f'{name}()'} has no option {option!r}."
    if hint:
        return f"{said} {hint.strip()}"
    return f"{said} It takes {', '.join(options) or 'none'}."


# What was given -------------------------------------------------------------------------------


def _plainly(annotation: Any, function: Callable[..., Any]) -> Any:
    """An annotation in which a choice among words (`Literal`) stands as those words, behind `_CHOICE`."""
    if not isinstance(annotation, str):
        return annotation
    known = getattr(function, "__globals__", {})

    def plain(kind: str) -> str:
        if kind.startswith("Literal["):
            return _CHOICE + ",".join(_WORDS.findall(kind))
        if get_origin(known.get(kind)) is Literal:
            return _CHOICE + ",".join(map(str, get_args(known[kind])))
        return kind

    return " | ".join(map(plain, annotation.strip("\"'").split(" | ")))


@lru_cache(maxsize=512)
def _checks(annotation: Any) -> tuple[str, ...] | None:
    """The kinds an annotation allows, where all of them can be told by looking; else None."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    kinds = tuple(part.strip() for part in text.split(" | "))
    kinds = tuple("ArrayLike" if kind.startswith("NDArray[") else kind for kind in kinds)
    known = all(kind in _IS or kind.startswith(_CHOICE) or _member(kind) in MADE_BY for kind in kinds)
    return kinds if known else None


def _member(kind: str) -> str:
    """Of `Sequence[Projection]` the class of its members; any other kind is its own."""
    listed = _LISTED.fullmatch(kind)
    return listed[1] if listed else kind


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _is_number(value: Any) -> bool:
    if isinstance(value, (str, bytes)) or (getattr(value, "ndim", 0) != 0) or not hasattr(value, "__float__"):
        return _is_whole(value)
    try:
        float(value)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


def _is_flag(value: Any) -> bool:
    return type(value).__name__ in ("bool", "bool_") or (_is_whole(value) and int(value) in (0, 1))


def _are_numbers(value: Any) -> bool:
    if value is None or isinstance(value, (str, bytes, Mapping, Set, type)) or callable(value):
        return False
    import numpy as np

    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError):
        return False
    return array.dtype.kind in "fiub" and array.ndim > 0


def _is_made(value: Any, kind: str) -> bool:
    """Whether it is of a class of the package, or, of `Sequence[Projection]`, holds nothing else."""
    name = _member(kind)
    if name != kind:
        listed = isinstance(value, Sized) and isinstance(value, Iterable) and not hasattr(value, "dtype")
        return (
            listed
            and not isinstance(value, (str, bytes, Mapping))
            and all(_is_made(one, name) for one in value)
        )
    return any(
        one.__name__ == kind and one.__module__.partition(".")[0] == "workbench"
        for one in type(value).__mro__
    )


_CHOICE = "one of "
_WORDS = re.compile(r"[\"']([^\"']+)[\"']")
_LISTED = re.compile(r"(?:Sequence|Iterable)\[(\w+)\]")
_IS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "None": (lambda value: value is None, ""),
    "int": (_is_whole, "a whole number"),
    "float": (_is_number, "a number"),
    "str": (lambda value: isinstance(value, str), "a text"),
    "bool": (_is_flag, "True or False"),
    "list[str]": (lambda value: isinstance(value, list), "a list, which takes notes"),
    "dict[int, str]": (lambda value: isinstance(value, dict), "a dict, which takes reasons"),
    "Path": (lambda value: isinstance(value, os.PathLike), "a path"),
    "ArrayLike": (_are_numbers, "numbers in rows"),
    "OnEvent": (callable, "a function that is called with each event"),
    "ShouldStop": (callable, "a function that returns whether to stop"),
}


def _check(option: str, value: Any, kinds: Iterable[str]) -> None:
    told = []
    for kind in kinds:
        if kind in _IS:
            fits, words = _IS[kind]
            if fits(value):
                return
            told += [words] if words else []
        elif kind.startswith(_CHOICE):
            if isinstance(value, str):
                return  # which of the words it is, the verb checks
            told += map(repr, kind.removeprefix(_CHOICE).split(","))
        elif _is_made(value, kind):
            return
        else:
            name = _member(kind)
            told.append(f"{name if name == kind else 'a list of ' + name}, which {MADE_BY[name]}")
    given = repr(value) if value is None or isinstance(value, (bool, int, float, str)) else ""
    shown = one_line(given) if given else f"of type {type(value).__name__}"
    raise BadInputError(f"{option} is {shown}; expected {' or '.join(told)}.")
