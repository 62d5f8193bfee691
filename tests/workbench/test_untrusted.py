"""Files that anybody may have written: refused by what they claim, before memory is taken. All were found by `make stress`."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from tests.fakes import FakeEncoder, colour_pairs
from workbench import data
from workbench.archives import Arrays, check_fields
from workbench.cache import ArrayStore
from workbench.data import pictures
from workbench.embedding import embed_to, open_corpus, open_embeddings
from workbench.errors import BadInputError, BadPictureError, BadWeightsError
from workbench.models.claims import check_built, check_picture_sizes, check_sizes
from workbench.results import Embeddings
from workbench.untrusted import parsed, whole_letters

DEEP = "[" * 100_000 + "]" * 100_000


def picture(folder: Path, name: str = "a.png") -> str:
    Image.new("RGB", (8, 6), "red").save(folder / name)
    return name


# JSON ---------------------------------------------------------------------------------------------


def test_json_nested_without_end_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        parsed(DEEP)
    assert parsed(b'{"a": [1]}') == {"a": [1]}


@pytest.mark.parametrize(
    ("written", "read", "halves"),
    [
        ('"\\ud83d\\ude00"', "😀", 0),
        ('"\\ud83d"', "\ufffd", 1),
        ('"\\uDE00\\ud83d x"', "\ufffd\ufffd x", 2),
        ('"\\\\ud83d"', "\\ud83d", 0),
        ('"\\\\\\ud83d"', "\\\ufffd", 1),
        ('"plain"', "plain", 0),
    ],
)
def test_half_a_character_stands_as_what_cannot_be_read(written: str, read: str, halves: int) -> None:
    text, found = whole_letters(written)
    assert json.loads(text) == read and found == halves


@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "metadata.jsonl"])
def test_tables_nested_without_end_are_refused_and_halves_are_said(tmp_path: Path, name: str) -> None:
    row = {"file_name": picture(tmp_path), "text": "half \ud83d of it"}
    (tmp_path / name).write_text(json.dumps(row if name.endswith("l") else [row]))
    where = tmp_path if name.startswith("meta") else tmp_path / name
    pairs = data.load(where)
    assert pairs.texts == ("half \ufffd of it",) and pairs.fingerprint
    assert any("half a character" in note for note in pairs.notes)
    (tmp_path / name).write_text(DEEP)
    with pytest.raises(BadInputError, match="nested too deep"):
        data.load(where)


def test_captions_nested_deeper_than_can_be_read_are_refused(tmp_path: Path) -> None:
    nested: Any = "words"
    for _ in range(600):
        nested = [nested]
    (tmp_path / "t.json").write_text(json.dumps([{"image": picture(tmp_path), "caption": nested}]))
    with pytest.raises(BadInputError, match="nested deeper"):
        data.load(tmp_path / "t.json")


def test_ids_of_coco_may_be_anything(tmp_path: Path) -> None:
    told = {
        "images": [{"id": [1], "file_name": picture(tmp_path)}, {"id": {"a": 2}, "file_name": "b.png"}],
        "annotations": [{"image_id": [1], "caption": "a"}, {"image_id": {}, "caption": "b"}],
    }
    (tmp_path / "t.json").write_text(json.dumps(told))
    pairs = data.load(tmp_path / "t.json")
    assert pairs.texts == ("a",) and any("image_id {}" in note for note in pairs.notes)


def test_a_message_does_not_grow_with_the_names_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(",".join("x" * 500 + str(k) for k in range(200)) + "\n" + "," * 199)
    with pytest.raises(BadInputError, match="has no column") as refused:
        data.load(tmp_path / "t.csv")
    assert len(str(refused.value)) < 1500


# Arrays -------------------------------------------------------------------------------------------


def npz(header: str, body: bytes, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        written = header.encode()
        archive.writestr("a.npy", b"\x93NUMPY\x01\0" + len(written).to_bytes(2, "little") + written + body)
    return held.getvalue()


def test_arrays_are_those_of_numpy() -> None:
    held, made = (
        io.BytesIO(),
        {"a": np.arange(6.0).reshape(2, 3), "b": np.array(["x", "yz"]), "c": np.float32(2)},
    )
    np.savez_compressed(held, **made)
    with Arrays(held.getvalue()) as found:
        assert list(found) == list(made)
        for name, array in made.items():
            np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", "has a header of"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "has a header of"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }", "header"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "object"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': " + "(" * 200, "no header"),
        ("{'descr': 3, 'fortran_order': False, 'shape': (4,), }", "no header"),
        ("nothing", "no header"),
    ],
)
def test_arrays_whose_headers_lie_are_refused(header: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Arrays(npz(header, b"\0" * 16))


def test_arrays_that_unpack_to_gigabytes_are_refused_before_they_do() -> None:
    count = 150_000_000
    raw = npz(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},), }}", b"\0" * (4 * count))
    assert len(raw) < 2_000_000
    began = time.process_time()
    with pytest.raises(ValueError, match=r"claim to unpack to 600\.0 MB"):
        Arrays(raw)
    assert time.process_time() - began < 5


def test_an_entry_of_the_cache_that_lies_counts_as_absent(tmp_path: Path) -> None:
    store, key = ArrayStore(tmp_path), "ab" * 32
    store.put(key, {"x": np.ones(3)})
    np.testing.assert_array_equal((store.get(key) or {})["x"], np.ones(3))
    file = next(tmp_path.glob("*/*.npz"))
    for header in ("{'descr': '<f8', 'fortran_order': False, 'shape': (9,), }", "(" * 300):
        file.write_bytes(npz(header, b"\0" * 24))
        assert store.get(key) is None


# What a class says of its values ------------------------------------------------------------------


class _Kind:
    name: str
    size: int
    share: float
    words: tuple[str, ...]
    way: Literal["up", "down"]
    values: np.ndarray[Any, np.dtype[np.float32]] | None


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", ["a"], [3, None, ("a",)]),
        ("size", [3, -1], [True, 3.0, "3"]),
        ("share", [0.5, 1], [True, "1", None]),
        ("words", [(), ("a",), ("a", 3)], [["a"], "a", (("a",),)]),
        ("way", ["up"], ["left", ["up"], 3]),
        ("values", [None, np.ones(2), np.arange(2)], [np.array(["a"]), 3.0, [1.0]]),
        ("other", [], [1]),
    ],
)
def test_values_are_of_the_kinds_that_their_class_declares(field: str, good: list, bad: list) -> None:
    for value in good:
        check_fields(_Kind, {field: value})
    for value in bad:
        with pytest.raises(ValueError, match=rf"{field} of a _Kind is|a _Kind has no '{field}'"):
            check_fields(_Kind, {field: value})


def test_names_and_numbers_of_a_saved_result_are_sealed_and_forged_ones_are_of_their_kind(
    tmp_path: Path,
) -> None:
    made = Embeddings(np.eye(3, dtype=np.float32), None, ("a", "b", "c"))
    folder = made.save(tmp_path / "kept")
    file = folder / "embeddings.json"
    whole = file.read_text("utf-8")
    file.write_text(whole.replace('"b"', '"x"'), "utf-8")
    with pytest.raises(BadInputError, match="its digest is another"):
        open_embeddings(folder)
    for said, why in (("texts", "texts of a Embeddings is 3"), ("_repr_html_", "remembers no '_repr_html_'")):
        told = json.loads(whole)
        del told["digest"]  # as earlier versions wrote it, and whoever forges one
        told["embeddings"]["Embeddings"][said] = 3
        file.write_text(json.dumps(told), "utf-8")
        with pytest.raises(BadInputError, match=f"changed since it was saved: .*{why}"):
            open_embeddings(folder)
    told = json.loads(whole)
    del told["digest"]
    file.write_text(json.dumps(told), "utf-8")
    assert open_embeddings(folder).texts == ("a", "b", "c")


def test_arrays_of_a_saved_result_that_lie_are_refused_with_their_digest_put_right(tmp_path: Path) -> None:
    folder = Embeddings.from_array(np.eye(3)).save(tmp_path / "kept")
    raw = npz("{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000, 3), }", b"\0" * 36)
    file = folder / "embeddings.json"
    told = {k: v for k, v in json.loads(file.read_text("utf-8")).items() if k != "digest"}
    (folder / "arrays.npz").write_bytes(raw)
    file.write_text(json.dumps(told | {"arrays": hashlib.sha256(raw).hexdigest()}), "utf-8")
    with pytest.raises(BadInputError, match="changed since it was saved"):
        open_embeddings(folder)


# Shards, parquet, pictures, corpora ---------------------------------------------------------------


class _Zeros(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return b"\0" * size


@pytest.mark.parametrize("name", ["a.png", "a.bin", "a" * 300 + ".txt"])
def test_a_compressed_tar_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, name: str) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.GNU_FORMAT) as archive:
        told = tarfile.TarInfo(name)
        told.size = 250_000_000
        archive.addfile(told, _Zeros())
    (tmp_path / "s.tar.gz").write_bytes(gzip.compress(held.getvalue(), 1))
    del held
    with pytest.raises(BadInputError, match=r"unpacks to more than 200\.0 MB|no picture"):
        data.load(tmp_path / "s.tar.gz")


def test_a_name_in_a_compressed_tar_cannot_be_megabytes_long(tmp_path: Path) -> None:
    told = tarfile.TarInfo("././@LongLink")
    told.size, told.type = 150_000_000, tarfile.GNUTYPE_LONGNAME
    raw = told.tobuf(tarfile.GNU_FORMAT) + b"a" * told.size
    (tmp_path / "s.tar.gz").write_bytes(gzip.compress(raw, 1))
    with pytest.raises(BadInputError, match="claims 150,"):
        data.load(tmp_path / "s.tar.gz")


def test_xz_that_is_damaged_is_refused_in_words(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / picture(tmp_path), "a.png")
    content = bytearray((tmp_path / "s.tar.xz").read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "s.tar.xz").write_bytes(content)
    with pytest.raises(BadInputError, match=r"cannot be read as a tar .* Copy it again"):
        data.load(tmp_path / "s.tar.xz")


def test_a_parquet_file_that_says_one_value_a_billion_times_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(80_000_000, np.int8)), pa.array(["a.png"]))
    pq.write_table(pa.table({"image": column, "text": column}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 600_000
    with pytest.raises(BadInputError, match=r"claim to hold .* rows\), which no table"):
        data.load(tmp_path / "t.parquet")


def test_texts_of_a_parquet_file_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    wrong = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32).tobytes()), pa.py_buffer(b"\xff\xfe")]
    )
    pq.write_table(pa.table({"image": [picture(tmp_path)], "text": wrong}), tmp_path / "t.parquet")
    with pytest.raises(BadInputError, match="cannot be read as a table"):
        data.load(tmp_path / "t.parquet")


def test_an_avif_whose_pixels_are_damaged_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_: bytes) -> Image.Image:
        raise RuntimeError("Failed to decode frame 0")  # what Pillow's AVIF raises, found by `make stress`

    monkeypatch.setattr(pictures, "_header", damaged)
    with pytest.raises(BadPictureError, match=r"damaged or cut off \(Failed to decode frame 0\)"):
        data.open_picture(b"\0\0\0 ftypavif", name="x.avif")


@pytest.mark.parametrize(
    "change",
    [{"items": [3]}, {"items": -1}, {"partition": 0}, {"items": 10**30}, {"model": None}, {"settings": 3}],
)
def test_a_manifest_that_says_what_none_says_is_refused(tmp_path: Path, change: dict) -> None:
    corpus = embed_to(tmp_path / "corpus", FakeEncoder(), colour_pairs())
    file = corpus.folder / "manifest.json"
    file.write_text(json.dumps(corpus.manifest | change))
    with pytest.raises(BadInputError, match="is damaged"):
        open_corpus(corpus.folder)
    file.write_text(DEEP)
    with pytest.raises(BadInputError, match=r"is damaged .*nested too deep"):
        open_corpus(corpus.folder)


# Models -------------------------------------------------------------------------------------------


def test_a_configuration_is_held_against_the_weights_beside_it() -> None:
    sane = {
        "hidden_size": 512,
        "layers": 12,
        "vision": {"image_size": 224, "depths": [2, 6]},
        "eos_token_id": 10**9,
    }
    check_sizes(sane, numbers=5_000_000, tensors=300, where="x")
    for wrong in (
        {"vision": {"num_hidden_layers": 10**6}},
        {"text": {"hidden_size": 10**9}},
        {"depths": [10**6]},
    ):
        with pytest.raises(BadWeightsError, match="its weights hold 300 tensors of 5,000,000 numbers"):
            check_sizes(wrong, numbers=5_000_000, tensors=300, where="x")


def test_a_model_far_larger_than_its_weights_is_refused_without_its_memory() -> None:
    import torch

    with pytest.raises(BadWeightsError, match=r"a model of 90,000,300,000 numbers, and its weights hold 5"):
        check_built(lambda: torch.nn.Linear(300_000, 300_000), numbers=5, where="x")
    check_built(lambda: torch.nn.Linear(30, 30), numbers=930, where="x")


def test_preprocessing_that_makes_pictures_of_gigabytes_is_refused() -> None:
    check_picture_sizes(
        {"size": {"height": 336, "width": 336}, "max_pixels": 10**7, "rescale_factor": 1}, where="x"
    )
    for wrong in ({"size": {"shortest_edge": 10**6}}, {"crop_size": 10**5}, {"max_num_patches": 10**9}):
        with pytest.raises(BadWeightsError, match="pixels or patches large"):
            check_picture_sizes(wrong, where="x")
