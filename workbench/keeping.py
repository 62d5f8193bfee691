"""How a result outlives its kernel: as a folder of names and arrays.

    FOLDER/projection.json     names and numbers, with the digest of the other file and its own
    FOLDER/arrays.npz          every array, each once

Nothing in them is code: neither file can run anything when it is opened. What belongs to the reader
(pictures, a model) is not written; openers take it again, and only the same. While they are written they have
".partial" behind their names, so that a kernel that is killed leaves no half of a result that looks whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import weakref
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.archives import Arrays, check_fields
from workbench.errors import BadInputError, UnavailableError
from workbench.formatting import one_line
from workbench.portable import Portable
from workbench.untrusted import parsed

__all__ = ["Form", "Kept", "Packing", "opened", "written"]

_JSON, _ARRAYS, _PARTIAL = "json", "arrays.npz", ".partial"
_DAMAGE = (
    AttributeError, LookupError, TypeError, ValueError, OSError, EOFError, ArithmeticError, MemoryError,
    RecursionError, AssertionError, zipfile.BadZipFile,
)  # fmt: skip


class Kept(Portable):
    """A result that is written into a folder by `save`, and read again by the opener that `_form` names."""

    _form: ClassVar[Form]

    def save(self, folder: str | Path) -> Path:
        """Write it into a new folder and give its path; the message of a wrong opener names the right one.

        Pictures and the model are not written: they are the reader's own, and can be handed to the opener.

        Args:
            folder: is made; it must not be there yet, be empty, or hold what an interrupted `save` left.

        Raises:
            BadInputError: the folder is there and not empty, or something in the result is neither a name,
                a number nor an array.
            UnavailableError: the disk is full or may not be written to.
        """
        packing = Packing()
        said = packing.pack(self)
        return written(folder, self._form, said, packing)


@dataclass(frozen=True)
class Form:
    """What a kind of result is called where it is kept.

    Attributes:
        name: of the file, and of the part in it that is the result.
        words: what messages call it.
        opener: the function that reads it, with its module.
        widened: whether arrays in half precision come back in single (they were halved to save room).
    """

    name: str
    words: str
    opener: str
    widened: bool = False

    @property
    def format(self) -> str:
        """The first words of the file; the number changes when older versions can no longer read it."""
        return f"image-text-workbench {self.words} 1"


class Packing:
    """Turns a result into JSON and named arrays.

    Attributes:
        arrays: by name, each array once.
        beside: what was left out because it is the reader's own, by field: its digest and the code that
            loads it, so that an opener can tell whether it is given the same.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self.beside: dict[str, dict[str, Any]] = {}
        self._names: dict[int, str] = {}

    def pack(self, value: Any) -> Any:
        """JSON for `value`: what JSON has no word for is an object with one key that says what it is."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, str | bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"number": repr(value)}
        if isinstance(value, np.ndarray):
            return {"array": self._named(value)}
        if isinstance(value, tuple | list):
            what = "tuple" if isinstance(value, tuple) else "list"
            return {what: [self.pack(one) for one in value]}
        if isinstance(value, Mapping):
            return {"map": [[self.pack(key), self.pack(one)] for key, one in value.items()]}
        if isinstance(value, date):
            return {"datetime" if isinstance(value, datetime) else "date": value.isoformat()}
        if is_dataclass(value) and not isinstance(value, type):
            return {type(value).__name__: self._parts(value)}
        raise BadInputError(
            f"A {type(value).__name__} was found in it, which cannot be kept as names and arrays. Expected "
            "texts, numbers, dates and arrays of numbers; turn labels of your own kind into texts first."
        )

    def _parts(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Portable):
            return {one.name: self.pack(getattr(value, one.name)) for one in fields(value)}
        made_of = value._arguments()
        for name in value._left:
            own = made_of.pop(name)
            origin = getattr(value, "provenance", None)
            digest = getattr(origin, "weights", "") if name == "live" else _digest(own)
            if digest:
                self.beside[name] = {"digest": digest, "code": getattr(own, "code", "")}
        return {name: self.pack(one) for name, one in made_of.items()}

    def _named(self, value: NDArray[Any]) -> str:
        if value.dtype.kind not in "biufcUS":
            raise BadInputError(
                f"An array of {value.dtype} cannot be kept; expected numbers, truth values or texts."
            )
        if id(value) not in self._names:
            self._names[id(value)] = f"array{len(self.arrays)}"
            self.arrays[self._names[id(value)]] = value
        return self._names[id(value)]


def written(folder: str | Path, form: Form, said: Any, packing: Packing) -> Path:
    """Write what `Packing` gave into a new folder, the JSON last: without it, nothing there was finished.

    Raises:
        BadInputError: the folder is there and not empty, so that nothing is written over.
        UnavailableError: it cannot be written.
    """
    to = Path(folder).expanduser()
    if to.exists() and not (to.is_dir() and _is_free(to)):
        raise BadInputError(f"{to} is there already and not empty; name a new folder for this {form.name}.")
    held = io.BytesIO()
    np.savez_compressed(held, **packing.arrays)  # type: ignore[arg-type]
    raw = held.getvalue()
    whole = {"format": form.format, "arrays": hashlib.sha256(raw).hexdigest(), form.name: said}
    if packing.beside:
        whole["beside"] = packing.beside
    text = json.dumps(whole | {"digest": _sealed(whole)}, allow_nan=False)
    told, arrays = to / f"{form.name}.{_JSON}", to / _ARRAYS
    try:
        to.mkdir(parents=True, exist_ok=True)
        for left in to.iterdir():
            left.unlink()  # of a save that was interrupted
        # The JSON comes first and gets its name last: what is unfinished is known by it.
        told.with_name(told.name + _PARTIAL).write_text(text, "utf-8")
        arrays.with_name(_ARRAYS + _PARTIAL).write_bytes(raw)
        for file in (arrays, told):
            os.replace(file.with_name(file.name + _PARTIAL), file)
    except OSError as problem:
        for file in (arrays, told):  # the folder can then be named again
            for name in (file.name, file.name + _PARTIAL):
                file.with_name(name).unlink(missing_ok=True)
        raise UnavailableError(
            f"{to} cannot be written ({problem.strerror or problem}). Name a folder on a disk with room for "
            f"{len(raw) + len(text):,} bytes that you may write to."
        ) from problem
    return to


def _is_free(folder: Path) -> bool:
    """Whether there is nothing in a folder but what a `save` that was interrupted has left."""
    names = {entry.name for entry in folder.iterdir()}
    begun = {name for name in names if name.endswith(f".{_JSON}{_PARTIAL}")}
    return not names or (len(begun) == 1 and names <= {*begun, _ARRAYS, _ARRAYS + _PARTIAL})


def _sealed(whole: Mapping[str, Any]) -> str:
    """The digest of all that a JSON file says but this digest."""
    rest = {name: one for name, one in whole.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest).encode()).hexdigest()


def opened(
    folder: str | Path,
    form: Form,
    expected: type | tuple[type, ...],
    parts: tuple[type, ...] = (),
    **beside: Any,
) -> Any:
    """What `written` wrote, checked as when it was made.

    Args:
        expected: the classes that a reader of this opener expects, and that may stand at the top.
        parts: the other classes it may be made of; nothing else is ever made.
        beside: what was not written, by field ("pairs", "pair", "live"); None where it is not given.

    Raises:
        BadInputError: nothing is there, it is damaged, of another kind, or not made of what is in `beside`.
    """
    kinds = (*(expected if isinstance(expected, tuple) else (expected,)), *parts)
    where = Path(folder).expanduser()
    where = where.parent if where.name == f"{form.name}.{_JSON}" else where
    whole, raw = _read(where, form)
    given = {name: one for name, one in beside.items() if one is not None}
    _check_beside(where, form, whole, given)
    told = where / f"{form.name}.{_JSON}"
    try:
        reading = _Reading(Arrays(raw), {kind.__name__: kind for kind in kinds}, given, form.widened)
        made = reading.unpack(whole[form.name])
        repr(made)
    except _DAMAGE as problem:
        said = one_line(str(problem) or type(problem).__name__, most=300)
        raise BadInputError(
            f"{told} was changed since it was saved: {said}. Save the {form.name} again, or copy the folder "
            "again from where it is whole."
        ) from problem
    if not isinstance(made, expected):
        raise BadInputError(f"{told} holds a {type(made).__name__} and no {form.name}.")
    return made


class _Reading:
    """Makes again what `Packing` took apart, of known classes alone."""

    def __init__(
        self,
        arrays: Mapping[str, NDArray],
        kinds: Mapping[str, type],
        beside: Mapping[str, Any],
        widened: bool,
    ) -> None:
        self._arrays, self._kinds, self._beside, self._widened = arrays, kinds, beside, widened
        self._held: dict[str, NDArray] = {}

    def unpack(self, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        ((what, held),) = said.items()
        if what == "number":
            return float(held)
        if what == "array":
            return self._array(held)
        if what in ("tuple", "list"):
            many = [self.unpack(one) for one in held]
            return tuple(many) if what == "tuple" else many
        if what == "map":
            return {self.unpack(key): self.unpack(one) for key, one in held}
        if what in ("datetime", "date"):
            return (datetime if what == "datetime" else date).fromisoformat(held)
        kind = self._kinds[what]
        own = {name: self.unpack(one) for name, one in held.items()}
        left: tuple[str, ...] = kind._left if issubclass(kind, Portable) else ()
        remembered = {name: own.pop(name) for name in list(own) if name[:1] == "_"}
        check_fields(kind, own)
        made = kind(**own, **{name: self._beside[name] for name in left if name in self._beside})
        known = kind._remembered if issubclass(kind, Portable) else {}
        for name, one in remembered.items():
            if name not in known or type(one).__name__ != known[name]:
                raise ValueError(f"a {what} remembers no {name!r} that is a {type(one).__name__}")
        vars(made).update(remembered)
        return made

    def _array(self, name: str) -> NDArray:
        if name not in self._held:
            values = self._arrays[name]
            values = values.astype(np.float32) if self._widened and values.dtype == np.float16 else values
            values.flags.writeable = False  # results take what is read-only as it is, without a copy
            self._held[name] = values
        return self._held[name]


def _read(where: Path, form: Form) -> tuple[dict[str, Any], bytes]:
    file = where / f"{form.name}.{_JSON}"
    try:
        whole = parsed(file.read_text("utf-8"))
        raw = (where / _ARRAYS).read_bytes()
    except (OSError, ValueError) as problem:
        raise BadInputError(
            f"There is no whole {form.name} in {where} ({problem}). "
            f"{_other(where) or f'Expected a folder that {form.name}.save() wrote.'}"
        ) from problem
    if not isinstance(whole, dict) or whole.get("format") != form.format:
        raise BadInputError(f"{file} is no {form.words} that this version can read.")
    if "digest" in whole and whole["digest"] != _sealed(whole):
        raise BadInputError(
            f"{file} was changed since it was saved: its digest is another. Copy it again, or save the "
            f"{form.name} again."
        )
    if hashlib.sha256(raw).hexdigest() != whole.get("arrays"):
        raise BadInputError(
            f"{where / _ARRAYS} is damaged or of another {form.name}. Save the {form.name} again."
        )
    return whole, raw


def _other(where: Path) -> str:
    """What else was kept in a folder, and which function opens it; or that saving it was interrupted."""
    for kind in _all_kinds(Kept):
        form = getattr(kind, "_form", None)
        if form is not None and (where / f"{form.name}.{_JSON}").is_file():
            return f"It holds a {form.words}: open it with {form.opener}."
    if any(where.glob(f"*.{_JSON}{_PARTIAL}")):
        return (
            "Saving was interrupted before it was finished: save it again, into the same folder if you like."
        )
    return ""


def _all_kinds(kind: type[Any]) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _all_kinds(child)


def _check_beside(where: Path, form: Form, whole: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse other pictures and another model than it was made of."""
    recorded = whole.get("beside")
    for name, one in given.items():
        known = recorded.get(name) if isinstance(recorded, dict) else None
        what, own = "model" if name == "live" else name, _digest(one)
        if not isinstance(known, dict):
            raise BadInputError(
                f"What is kept in {where} does not say which {what} it was made of, so it cannot be told "
                f"whether this is its own. Open it without {what}."
            )
        if own != known.get("digest"):
            loaded = f" Its own: {known['code']}." if known.get("code") else ""
            raise BadInputError(
                f"The {form.words} in {where} was made of other {what} than given (digest "
                f"{known.get('digest')}, given {own}).{loaded} Give what it was made of, or open it without "
                f"{what}."
            )


def _digest(own: Any) -> str:
    """What tells pictures, a pair or a model apart; "" of nothing."""
    if isinstance(own, weakref.ref) or (callable(own) and not hasattr(own, "weights_hash")):
        own = own()
    for name in ("fingerprint", "key", "weights_hash"):
        found = getattr(own, name, None)
        if isinstance(found, str):
            return found
    return ""
