"""What a docstring of the public face must hold, and how it is read: for the contract and for the examples."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from workbench import errors

# The rooms whose docstrings are held to this. A room is added once its own are written.
ROOMS = (
    "workbench.models",
    "workbench.data",
    "workbench.embedding",
    "workbench.capture",
    "workbench.zeroshot",
    "workbench.attribution",
    "workbench.projection",
    "workbench.fusion",
    "workbench.generation",
    "workbench.results",
    "workbench.errors",
    "workbench.devices",
    "workbench.runtime",
    "widgets",
)
SECTIONS = ("Args", "Shapes", "Attributes", "Returns", "Yields", "Raises", "Warns", "Source", "Example")
_HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):(?: (.*))?$")
_ENTRY = re.compile(r"^\*{0,2}(\w+(?:, \*{0,2}\w+)*):(?: |$)")


def public(rooms: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """(room.name, thing) of every function and class in an `__all__`."""
    for room in rooms:
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isroutine(thing) or inspect.isclass(thing):
                yield f"{room}.{name}", thing


def methods(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public methods that a class defines itself, and how it is made where that is described."""
    for name, value in vars(kind).items():
        function = getattr(value, "__func__", value)
        described = name == "__init__" and function.__doc__ and not dataclasses.is_dataclass(kind)
        if inspect.isfunction(function) and (described or not name.startswith("_")):
            yield name, function


def examples(rooms: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(room.name, docstring) of everything public that shows an example, methods included."""
    for name, thing in public(rooms):
        texts = [(name, inspect.getdoc(thing) or "")]
        if inspect.isclass(thing):
            texts += [(f"{name}.{method}", inspect.getdoc(one) or "") for method, one in methods(thing)]
        yield from ((where, text) for where, text in texts if ">>>" in text)


def sections(text: str) -> dict[str, str]:
    """The docstring cut at its headings; what stands before the first is under ""."""
    found: dict[str, list[str]] = {"": []}
    lines = found[""]
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            lines = found.setdefault(heading[1], [])
            lines += [heading[2]] if heading[2] else []
        elif line and not line.startswith(" ") and lines is not found[""] and "Source" not in found:
            lines = found[""]  # prose between sections
            lines.append(line)
        else:
            lines.append(line)
    return {name: textwrap.dedent("\n".join(part)).strip("\n") for name, part in found.items()}


def entries(section: str) -> dict[str, str]:
    """Name to what is said of it; `a, b: ...` says it of both."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            names = [name.lstrip("*") for name in entry[1].split(", ")]
            found |= {name: line[entry.end() :].strip() for name in names}
        else:
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return found


def refusals(function: Callable[..., Any]) -> set[str]:
    """The errors that a function raises by name, in its own lines or in private functions of its file."""
    function = inspect.unwrap(function)
    module = inspect.getmodule(function)
    found: set[str] = set()
    seen: set[Callable[..., Any]] = set()
    waiting = [function]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(one)))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                found.add(ast.unparse(node.exc.func))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = vars(module).get(node.func.id)
                if inspect.isfunction(called) and called.__module__ == function.__module__:
                    waiting.append(inspect.unwrap(called))
    return {name for name in found if name != "Cancelled" and hasattr(errors, name)}


def faults(function: Callable[..., Any]) -> list[str]:
    """What is missing in the docstring of a public function, in words."""
    text = inspect.getdoc(function) or ""
    parts, signature = sections(text), inspect.signature(function)
    first = parts[""].split("\n\n")[0]
    found = [] if len(first) > 15 and first.endswith((".", ":", "::")) else ["no first sentence"]
    said = entries(parts.get("Args", ""))
    found += [f"Args: no {name}" for name in signature.parameters if not said.get(name)]
    found += [f"Args: {name} is no parameter" for name in said if name not in signature.parameters]
    if str(signature.return_annotation) not in ("None", "<class 'NoneType'>") and not (
        parts.get("Returns") or parts.get("Yields")
    ):
        found.append("no Returns")
    raised = entries(parts.get("Raises", ""))
    found += [f"Raises: no {name}" for name in sorted(refusals(function)) if name not in raised]
    if "should_stop" in signature.parameters and "ancelled" not in text:
        found.append("nothing on what is kept when it is cancelled")
    if ">>>" not in parts.get("Example", ""):
        found.append("no Example")
    return found


def method_faults(function: Callable[..., Any]) -> list[str]:
    """The same of a method, whose parameters may be named in its sentences: `like_this`."""
    text = inspect.getdoc(function) or ""
    said = entries(sections(text).get("Args", ""))
    names = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    found = [] if text else ["no docstring"]
    found += [f"nothing on {name}" for name in names if name not in said and f"`{name}" not in text]
    raised = entries(sections(text).get("Raises", ""))
    return found + [f"Raises: no {name}" for name in sorted(refusals(function)) if name not in raised]


def field_faults(kind: type) -> list[str]:
    """Fields of a dataclass that its docstring does not describe; those of its base are the base's."""
    if not dataclasses.is_dataclass(kind):
        return []
    parts = sections(inspect.getdoc(kind) or "")
    said = entries(parts.get("Shapes", "")) | entries(parts.get("Attributes", ""))
    bases = [base for base in kind.__mro__[1:] if dataclasses.is_dataclass(base)]
    known = {*said, *(one.name for base in bases for one in dataclasses.fields(base))}
    names = [one.name for one in dataclasses.fields(kind) if not one.name.startswith("_")]
    return [f"no field {name}" for name in names if name not in known]
