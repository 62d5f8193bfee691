"""What reads files of strangers, each with a small whole specimen and a way to read it to its end."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["READERS", "Reader"]


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        make: writes a whole specimen into a folder.
        read: reads what is in a folder, and uses what came out.
        files: patterns of the files that are made wrong.
        again: puts right what would give a mutation away before it is read: digests of other files.
    """

    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    files: tuple[str, ...] = ("*",)
    again: Callable[[Path], None] | None = None


_WORDS = ("a cat", "two small red birds on a wire", "Straße, 猫, “naïve” café", "3")


def noise(seed: int = 0, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    """A picture with structure."""
    depth = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    shape = (size[1] // 5, size[0] // 5, *depth)
    drawn = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(drawn).resize(size, Image.Resampling.BICUBIC)


def packed(picture: Image.Image, form: str, **options: Any) -> bytes:
    """The bytes of a picture's file."""
    held = io.BytesIO()
    picture.save(held, form, **options)
    return held.getvalue()


def _pictures(folder: Path) -> list[str]:
    names = [f"p{number}.png" for number in range(4)]
    (folder / "pictures").mkdir(exist_ok=True)
    for number, name in enumerate(names):
        (folder / "pictures" / name).write_bytes(packed(noise(number), "PNG"))
    return [f"pictures/{name}" for name in names]


def used(pairs: Any) -> None:
    """Everything that can be asked of pairs."""
    repr(pairs), pairs.fingerprint, pairs.keys, list(pairs.notes), pairs.read_as, pairs.code
    for text in pairs.texts:
        text.encode("utf-8")
    for name in pairs.columns:
        list(pairs.columns[name])
    for item in range(min(len(pairs), 3)):
        pairs.picture(item)
    if pairs.labels is not None:
        list(map(str, pairs.labels))
    pairs._repr_html_()


def _load(name: str, folder: Path) -> None:
    from workbench import data

    used(data.load(folder / name) if name else data.load(folder))


# Tables


def _delimited(name: str, mark: str, folder: Path) -> None:
    rows = [mark.join(("image", "caption", "label", "score"))]
    for number, (image, words) in enumerate(zip(_pictures(folder), _WORDS, strict=True)):
        rows.append(mark.join((image, f'"{words}, ""said"""', f"class {number % 2}", str(number / 3))))
    (folder / name).write_text("\n".join(rows) + "\n", "utf-8")


def _records(folder: Path) -> list[dict[str, Any]]:
    return [
        {
            "image": image,
            "caption": [words, "again"],
            "label": number % 2,
            "box": [1, 2.5],
            "more": {"a": None},
        }
        for number, (image, words) in enumerate(zip(_pictures(folder), _WORDS, strict=True))
    ]


def _json(name: str, folder: Path) -> None:
    rows = _records(folder)
    if name == "t.jsonl":
        text = "\n".join(map(json.dumps, rows)) + "\n"
    elif name == "columns.json":
        text = json.dumps(
            {"image": [row["image"] for row in rows], "caption": list(_WORDS), "n": [1, 2, 3, 4]}
        )
    elif name == "coco.json":
        images = [{"id": number, "file_name": row["image"], "width": 40} for number, row in enumerate(rows)]
        notes = [{"image_id": number % 4, "id": number, "caption": _WORDS[number % 4]} for number in range(6)]
        text = json.dumps({"info": {"year": 2017}, "images": images, "annotations": notes, "licenses": []})
    elif name == "karpathy.json":
        said = [
            {"filename": row["image"], "split": "train", "sentences": [{"raw": "a", "tokens": ["a"]}]}
            for row in rows
        ]
        text = json.dumps({"images": said, "dataset": "flickr"})
    else:
        text = json.dumps(rows)
    (folder / name).write_text(text, "utf-8")


def _parquet(own: bool, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = _records(folder)
    if own:
        cells = [{"bytes": (folder / row["image"]).read_bytes(), "path": row["image"]} for row in rows]
        told = {
            "info": {
                "features": {
                    "image": {"_type": "Image"},
                    "label": {"_type": "ClassLabel", "names": ["a", "b"]},
                }
            }
        }
    else:
        cells, told = [row["image"] for row in rows], {}
    table = pa.table(
        {"image": cells, "caption": list(_WORDS), "label": [0, 1, 0, 1], "boxes": [[1.5], [], None, [2]]}
    )
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(told)}), folder / "t.parquet")


# Folders and shards


def _beside(how: str, folder: Path) -> None:
    names = _pictures(folder)
    if how == "metadata.csv":
        (folder / how).write_text("file_name,text\n" + "".join(f"{name},words\n" for name in names), "utf-8")
    elif how == "metadata.jsonl":
        (folder / how).write_text(
            "\n".join(json.dumps({"file_name": n, "text": ["a", "b"]}) for n in names), "utf-8"
        )
    else:
        for name in names:
            (folder / name).with_suffix(".txt").write_text("words, “said”", "utf-8")


def _shard(name: str, folder: Path) -> None:
    form = {"s.tar": "w", "s.tar.gz": "w:gz", "s.tar.bz2": "w:bz2", "s.tar.xz": "w:xz"}[name]
    with tarfile.open(folder / name, form) as archive:  # type: ignore[call-overload]
        for number, words in enumerate(_WORDS):
            members = {
                "png": packed(noise(number), "PNG"), "txt": words.encode(), "cls": b"1", "left.jpg": packed(noise(9), "JPEG"),
                "json": json.dumps({"caption": words, "label": number, "box": [1, 2], "of": {"a": 1}}).encode(),
            }  # fmt: skip
            for ending, content in members.items():
                told = tarfile.TarInfo(f"folder/{number:03d}.{ending}")
                told.size = len(content)
                archive.addfile(told, io.BytesIO(content))


# Pictures


def _frames() -> dict[str, Any]:
    return {"save_all": True, "append_images": [noise(1), noise(2)]}


FORMATS: dict[str, Callable[[], bytes]] = {
    "png": lambda: packed(noise(mode="RGBA"), "PNG"),
    "grey16.png": lambda: packed(
        Image.fromarray((np.arange(1200, dtype=np.uint16) * 54).reshape(30, 40)), "PNG"
    ),
    "palette.png": lambda: packed(noise().quantize(16), "PNG", transparency=0),
    "jpg": lambda: packed(noise(size=(200, 150)), "JPEG", exif=_turned()),
    "cmyk.jpg": lambda: packed(noise().convert("CMYK"), "JPEG"),
    "webp": lambda: packed(noise(mode="RGBA"), "WEBP"),
    "film.webp": lambda: packed(noise(), "WEBP", **_frames()),
    "gif": lambda: packed(noise(), "GIF", **_frames()),
    "bmp": lambda: packed(noise(), "BMP"),
    "tif": lambda: packed(noise(), "TIFF"),
    "lzw.tif": lambda: packed(noise(), "TIFF", compression="tiff_lzw"),
    "deflate.tif": lambda: packed(noise(), "TIFF", compression="tiff_adobe_deflate"),
    "float.tif": lambda: packed(
        Image.fromarray(np.linspace(0, 9, 1200, dtype=np.float32).reshape(30, 40)), "TIFF"
    ),
    "jp2": lambda: packed(noise(), "JPEG2000"),
    "ppm": lambda: packed(noise(), "PPM"),
    "avif": lambda: packed(noise(), "AVIF"),
}


def _turned() -> Any:
    told = Image.Exif()
    told[0x0112] = 6
    return told


def _picture(form: str, folder: Path) -> None:
    (folder / f"p.{form}").write_bytes(FORMATS[form]())


def _open_picture(form: str, folder: Path) -> None:
    from workbench import data

    data.open_picture(folder / f"p.{form}").load()
    used(data.load(folder))


def _tables() -> dict[str, Reader]:
    delimited = {"t.csv": ",", "t.tsv": "\t", "t.txt": ";"}
    found = {
        name: Reader(partial(_delimited, name, mark), partial(_load, name), (name,))
        for name, mark in delimited.items()
    }
    for name in ("t.jsonl", "rows.json", "columns.json", "coco.json", "karpathy.json"):
        found[name] = Reader(partial(_json, name), partial(_load, name), (name,))
    for name, own in (("paths", False), ("bytes", True)):
        found[f"parquet of {name}"] = Reader(
            partial(_parquet, own), partial(_load, "t.parquet"), ("t.parquet",)
        )
    for how in ("metadata.csv", "metadata.jsonl", "captions"):
        wrong = ("pictures/*.txt",) if how == "captions" else (how,)
        found[f"folder with {how}"] = Reader(partial(_beside, how), partial(_load, ""), wrong)
    for name in ("s.tar", "s.tar.gz", "s.tar.bz2", "s.tar.xz"):
        found[name] = Reader(partial(_shard, name), partial(_load, name), (name,))
    return found


def _of_pictures() -> dict[str, Reader]:
    from PIL import features

    here = [form for form in FORMATS if not (form == "avif" and not features.check("avif"))]
    return {f"picture.{form}": Reader(partial(_picture, form), partial(_open_picture, form)) for form in here}


def _all() -> dict[str, Reader]:
    from tests.stress.kept_readers import of_caches, of_results
    from tests.stress.model_readers import of_models

    return {**_tables(), **_of_pictures(), **of_models(), **of_results(), **of_caches()}


READERS: Callable[[], dict[str, Reader]] = _all
