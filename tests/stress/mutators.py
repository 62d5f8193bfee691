"""Files made wrong, each time in the same way for the same seed.

Bytes are flipped, cut, put in and exchanged in any file; where a format is known, a file is also made wrong
in its own terms: values of JSON by values of other kinds, sizes in headers by lies whose checksums are right.
"""

from __future__ import annotations

import io
import json
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["DEEP", "mutated", "mutated_json", "replaced"]

Mutator = Callable[[bytes, random.Random], bytes]

_ENDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
_LONG = 100_000
DEEP = 100_000  # brackets inside each other: more than a parser may call itself


def mutated(name: str, content: bytes, chance: random.Random) -> bytes:
    """`content` of a file called `name`, made wrong: one time in two in the terms of its format."""
    own = next((how for ending, how in _OF_FORMAT if name.endswith(ending)), None)
    if own is not None and chance.random() < 0.5:
        return own(content, chance)
    made = content
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        made = chance.choice(_ANY)(made, chance)
    return made


def _flipped(content: bytes, chance: random.Random) -> bytes:
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 4, 32)) if made else 0):
        made[_place(len(made), chance)] ^= 1 << chance.randrange(8)
    return bytes(made)


def _overwritten(content: bytes, chance: random.Random) -> bytes:
    made = bytearray(content)
    if made:
        made[_place(len(made), chance)] = chance.choice((0, 255, 10, 34, 44, 91, 123, chance.randrange(256)))
    return bytes(made)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _put_in(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    more = chance.choice(
        (b"\0", b"\xff", b'"', b",", b"\n", b"\r", b"\xef\xbb\xbf", b"[" * 9, chance.randbytes(40))
    )
    return content[:at] + more * chance.choice((1, 1, 7, 2000)) + content[at:]


def _taken_out(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + content[at + chance.choice((1, 4, 100)) :]


def _exchanged(content: bytes, chance: random.Random) -> bytes:
    if len(content) < 4:
        return content
    size = chance.randrange(1, max(2, min(64, len(content) // 2)))
    one, two = sorted(chance.randrange(len(content) - size) for _ in range(2))
    if one + size > two:
        return content
    first, second = content[one : one + size], content[two : two + size]
    return content[:one] + second + content[one + size : two] + first + content[two + size :]


def _lied(content: bytes, chance: random.Random) -> bytes:
    """A number of four or eight bytes, as sizes are written, becomes an extreme one."""
    made = bytearray(content)
    form = chance.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    if len(made) > size:
        at = _place(len(made) - size, chance)
        number = chance.choice([end for end in _ENDS if end < 1 << 8 * size])
        made[at : at + size] = struct.pack(form, number)
    return bytes(made)


def _place(size: int, chance: random.Random) -> int:
    """Headers stand at the beginning or the end, and most of what can go wrong is in them."""
    where, edge = chance.random(), min(size, 256)
    if where < 0.4:
        return chance.randrange(edge)
    return size - 1 - chance.randrange(edge) if where < 0.6 else chance.randrange(size)


_ANY: tuple[Mutator, ...] = (
    _flipped,
    _flipped,
    _overwritten,
    _cut,
    _put_in,
    _taken_out,
    _exchanged,
    _lied,
    _lied,
)


# JSON


def mutated_json(value: Any, chance: random.Random) -> Any:
    """A copy of what JSON held, with one to three of its values replaced, taken out or moved."""
    made = json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(_places(made))
        if not places:
            return _other(made, chance)
        holder, key = chance.choice(places)
        if chance.random() < 0.15:
            del holder[key]
        else:
            holder[key] = _other(holder[key], chance)
    return made


def replaced(value: Any, chance: random.Random) -> bytes:
    """Bytes of a JSON file whose values were made wrong; a few times no JSON at all."""
    kind = chance.random()
    if kind < 0.04:
        return b"[" * DEEP + b"]" * DEEP
    if kind < 0.06:
        return b'{"a":' * DEEP + b"1" + b"}" * DEEP
    if kind < 0.08:
        return chance.choice((b"", b"null", b"[]", b"{}", b"3", b'"text"', b"1" * 5000, b"NaN", b"1e999"))
    text = json.dumps(mutated_json(value, chance))
    return text.replace('"<deep>"', "[" * DEEP + "]" * DEEP).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _other(value: Any, chance: random.Random) -> Any:
    if isinstance(value, bool) or value is None or chance.random() < 0.6:
        return chance.choice(
            (None, True, False, 0, -1, 1, 3, 0.5, -1e308, 1e308, 10**9, 2**31, 2**63, 10**30, float("nan"),
             float("inf"), "", "word", "\ud800", "\0", "../../../x", "1" * 400, "x" * _LONG, [], {}, [[]],
             [None], ["word"], {"a": 1}, {"array": "array0"}, {"number": "nan"}, "<deep>", [value], {"x": value})
        )  # fmt: skip
    if isinstance(value, int | float):
        return chance.choice(
            (-value, value + 1, value * 2, value * 1000, value * 10**9, float(value), str(value))
        )
    if isinstance(value, str):
        return chance.choice(
            (value[:-1], value * 2, value.upper(), value[::-1], value + "\0", value + "\ud83d")
        )
    if isinstance(value, list):
        turned = list(value)
        chance.shuffle(turned)
        return chance.choice(
            (value * 2, value[:-1], value[1:], turned, {str(k): v for k, v in enumerate(value)})
        )
    return chance.choice(
        (list(value), list(value.values()), {key: None for key in value}, dict(reversed(value.items())))
    )


def _json(content: bytes, chance: random.Random) -> bytes:
    return replaced(json.loads(content), chance)


def _json_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines()
    at = chance.randrange(len(lines))
    lines[at] = replaced(json.loads(lines[at]), chance)
    return b"\n".join(lines)


# Formats whose checksums must be right for a lie to be heard


def _png(content: bytes, chance: random.Random) -> bytes:
    """A part of a PNG (its size, depth, palette, text) made wrong, with the checksum of what it is now."""
    parts, at = [], 8
    while at + 8 <= len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        parts.append([content[at + 4 : at + 8], content[at + 8 : at + 8 + size]])
        at += 12 + size
    part = chance.choice(parts[:3])
    part[1] = chance.choice((_lied, _flipped, _overwritten, _cut))(part[1], chance)
    if chance.random() < 0.2:
        bomb = zlib.compress(b"\0" * 30_000_000)
        parts.insert(1, [chance.choice((b"zTXt", b"iCCP")), b"word\0\0" + bomb])
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return content[:8] + b"".join(chunks)


def _safetensors(content: bytes, chance: random.Random) -> bytes:
    (size,) = struct.unpack("<Q", content[:8])
    header = replaced(json.loads(content[8 : 8 + size]), chance)
    said = len(header) if chance.random() < 0.8 else chance.choice(_ENDS)
    return struct.pack("<Q", said) + header + content[8 + size :]


def _tar(content: bytes, chance: random.Random) -> bytes:
    """One header of a tar made wrong (its size, kind, name), with the checksum of what it is now."""
    made = bytearray(content)
    heads = [at for at in range(0, len(made) - 511, 512) if made[at + 257 : at + 262] == b"ustar"]
    at = chance.choice(heads or [0])
    what = chance.randrange(4)
    if what == 0:
        made[at + 124 : at + 136] = chance.choice(
            (b"77777777777\0", b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7, b"-0000000001\0", b"\0" * 12)
        )
    elif what == 1:
        made[at + 156] = chance.choice(b"LKxgSVM0123456\0")
    elif what == 2:
        made[at : at + 100] = chance.choice(
            (b"../" * 30, b"/etc/x.png", b"\xff\xfe.png", b"." * 100, b"a" * 99)
        ).ljust(100, b"\0")[:100]
    else:
        made[at : at + 512] = _flipped(bytes(made[at : at + 512]), chance)
    made[at + 148 : at + 156] = b" " * 8
    made[at + 148 : at + 156] = b"%06o\0 " % (sum(made[at : at + 512]) & 0o777777)
    return bytes(made)


def _packed_tar(content: bytes, chance: random.Random) -> bytes:
    """A compressed tar made wrong inside; a few times one that unpacks to far more than it is."""
    import gzip

    inner = gzip.decompress(content)
    if chance.random() < 0.1:
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w:gz", compresslevel=1) as archive:
            told = tarfile.TarInfo(chance.choice(("bomb.png", "bomb.txt", "bomb.bin", "n" * 300)))
            told.size = chance.choice((300_000_000, 2_500_000_000))
            archive.addfile(told, _Zeros(told.size))  # type: ignore[arg-type]
        return held.getvalue()
    return gzip.compress((_tar if chance.random() < 0.7 else _flipped)(inner, chance), 1)


class _Zeros:
    """A file of so many zeros."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int) -> bytes:
        given = min(size, self.left)
        self.left -= given
        return b"\0" * given


def _npz(content: bytes, chance: random.Random) -> bytes:
    """One array of an npz with another header (shape, kind, order), in a zip that is whole."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        chosen = chance.choice(names or [""])  # a result without arrays has an empty zip
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
            for name in names:
                raw = archive.read(name)
                made.writestr(name, npy(raw, chance) if name == chosen else raw)
    return held.getvalue()


def npy(raw: bytes, chance: random.Random) -> bytes:
    """An array's file whose header says something else than it holds."""
    (size,) = struct.unpack("<H", raw[8:10])
    shape = chance.choice(
        ("(1000000000000,)", "(3000000000,)", "(-1,)", "()", "(0, 5)", "(2,)", "(4, 4, 4)", "((1,),)", "(1.5,)",
         "(10**9,)", "(" * 200, f"({'1, ' * 40})")
    )  # fmt: skip
    kind = chance.choice(
        (
            "'<f4'",
            "'<f8'",
            "'|O'",
            "'<U1000000'",
            "'<i8'",
            "'|b1'",
            "'<c16'",
            "'|V3'",
            "'x'",
            "3",
            "[('a', '<f4')]",
        )
    )
    order = chance.choice(("False", "True", "0"))
    header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    if chance.random() < 0.15:  # as it says, and far more than the file: zeros pack well
        count = chance.choice((80_000_000, 700_000_000))
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},), }}".encode()
        return raw[:8] + struct.pack("<H", len(header)) + header + b"\0" * min(4 * count, 400_000_000)
    return raw[:8] + struct.pack("<H", len(header)) + header + raw[10 + size :]


def _zip(content: bytes, chance: random.Random) -> bytes:
    """One record of a zip (a checkpoint, a TorchScript archive) made wrong, in a zip that is whole."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        chosen = (
            chance.choice([name for name in names if name.endswith(".pkl")] or names)
            if chance.random() < 0.6
            else chance.choice(names)
        )
        with zipfile.ZipFile(
            held, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        ) as made:
            for name in names:
                raw = archive.read(name)
                for _ in range(chance.choice((1, 3)) if name == chosen else 0):
                    raw = chance.choice(_ANY)(raw, chance)
                made.writestr(name, raw)
    return held.getvalue()


_OF_FORMAT: tuple[tuple[str, Mutator], ...] = (
    (".jsonl", _json_lines), (".json", _json), (".png", _png), (".safetensors", _safetensors), (".tar.gz", _packed_tar),
    (".tar", _tar), (".npz", _npz), (".pt", _zip), (".bin", _zip),
)  # fmt: skip
