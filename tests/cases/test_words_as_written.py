"""Words come in as written, and numbers and identifiers keep their digits."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cases.making import pictures, png, table
from workbench import data
from workbench.data.encodings import decoded
from workbench.data.frames import numbers
from workbench.errors import BadInputError
from workbench.results import Embeddings

WORDS = [
    ("cp1252", ["a dog\u2019s ball", "b", "c"]), ("cp1252", ["ein schöner Hund", "größer", "die Straßen"]),
    ("cp1252", ["garçon", "naïve", "z"]), ("cp1252", ["\u201cquoted\u201d \u2013 dash"]), ("cp1252", ["Æbler på bordet"]),
    ("cp1252", ["ÜBER ALLES"]), ("cp1252", ["½ cup"]), ("cp1250", ["zażółć gęślą jaźń"]),
    ("cp1251", ["собака бежит", "кот"]), ("shift_jis", ["犬が走る", "猫", "x"]), ("shift_jis", ["テスト"]),
    ("shift_jis", ["赤い車", "カメラ"]), ("euc_jp", ["犬が走る"]), ("euc_kr", ["개가 달린다", "고양이", "x"]),
    ("euc_kr", ["남자가 자전거를 타고 있다"]), ("gb18030", ["一只狗", "猫", "x"]), ("gb18030", ["红色的卡片"]),
    ("gb18030", ["两只小熊在树林里玩耍", "老虎"]), ("big5", ["一隻狗在草地上跑"]), ("utf-16", ["a dog", "犬"]),
    ("utf-16-le", ["a dog on a beach"]), ("utf-8-sig", ["é"]), ("utf-8", ["é", "犬", "🐶"]),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "texts"), WORDS)
def test_tables_of_any_usual_encoding_are_read_and_the_choice_is_said(
    tmp_path: Path, encoding, texts
) -> None:
    pictures(tmp_path, [f"{k}.png" for k in range(3)])
    rows = "".join(f"{k}.png,{text}\n" for k, text in enumerate(texts))
    pairs = data.load(table(tmp_path, "image,text\n" + rows, encoding=encoding))
    assert list(pairs.texts) == texts
    assert encoding.startswith("utf-8") == (pairs.notes == ())
    again = data.load(tmp_path / "t.csv", encoding=encoding)
    assert (list(again.texts), again.notes) == (texts, ())


@pytest.mark.parametrize(("encoding", "texts"), WORDS)
def test_captions_beside_pictures_are_read_in_any_usual_encoding(tmp_path: Path, encoding, texts) -> None:
    pictures(tmp_path, ["a.png"])
    line = " and ".join(texts)
    (tmp_path / "a.txt").write_text(line, encoding)
    assert data.load(tmp_path).texts == (line,)


def test_doubt_is_said_with_what_the_words_would_be_then() -> None:
    found = decoded("x,é".encode("cp1252"))
    assert (found.text, found.encoding) == ("x,é", "cp1252")
    assert "it could be" in found.doubt


def test_an_encoding_that_is_wrong_or_unknown_is_refused(tmp_path: Path) -> None:
    pictures(tmp_path, ["a.png"])
    file = table(tmp_path, "image,text\na.png,é\n", encoding="cp1252")
    with pytest.raises(BadInputError, match="is not in utf-8: the byte at place"):
        data.load(file, encoding="utf-8")
    with pytest.raises(BadInputError, match="encoding is 'utf-9', which Python does not know"):
        data.load(file, encoding="utf-9")


def test_single_broken_letters_are_counted() -> None:
    found = decoded(("é" * 50).encode() + b"\xff" + "ü".encode())
    assert found.text == "é" * 50 + "\ufffdü"
    assert found.doubt == "1 character cannot be read and stand as \ufffd"


def packed(count: int) -> pa.Array:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.array([{"bytes": png(k + 1), "path": "x.png"} for k in range(count)], kind)


@pytest.mark.parametrize(
    ("captions", "texts", "items"),
    [
        ([["a dog runs", "a puppy"], ["a cat"], []], ("a dog runs", "a puppy", "a cat", ""), (0, 0, 1, 2)),
        ([{"raw": "a dog"}, {"raw": "b"}, {"raw": "c"}], ("a dog", "b", "c"), (0, 1, 2)),
        ([[{"raw": "a"}, {"raw": "b"}], [{"raw": "c"}], None], ("a", "b", "c", ""), (0, 0, 1, 2)),
        (['["a dog", "b"]', '["c"]', "[]"], ("a dog", "b", "c", ""), (0, 0, 1, 2)),
        (["['a dog\\'s', 'b']", '["c"]', "['d']"], ("a dog's", "b", "c", "d"), (0, 0, 1, 2)),
        (["['a dog' 'b']", "['c']", "['d']"], ("a dog", "b", "c", "d"), (0, 0, 1, 2)),
        (["[silence]", "b", "c"], ("[silence]", "b", "c"), (0, 1, 2)),
        ([1, 2, 3], ("1", "2", "3"), (0, 1, 2)),
        (["a", None, "c"], ("a", "", "c"), (0, 1, 2)),
    ],
)
def test_lists_and_records_in_a_cell_are_captions(tmp_path: Path, captions, texts, items) -> None:
    pq.write_table(
        pa.table({"image": packed(3), "caption": captions, "row": [0, 1, 2]}), tmp_path / "t.parquet"
    )
    pairs = data.load(tmp_path / "t.parquet")
    assert (pairs.texts, pairs.columns["row"]) == (texts, items)
    assert pairs.groups.tolist() == list(items)


def test_a_record_that_does_not_say_which_is_the_caption_is_refused(tmp_path: Path) -> None:
    told = [{"en": "a", "de": "b"}]
    pq.write_table(pa.table({"image": packed(1), "caption": told}), tmp_path / "t.parquet")
    with pytest.raises(BadInputError, match="a record of 'en', 'de'; which of them is the caption"):
        data.load(tmp_path / "t.parquet")


@pytest.mark.parametrize("gap", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_texts_that_are_none_are_empty_and_said(gap: object) -> None:
    pairs = data.from_pictures([png(1), png(2), png(3)], texts=["a", gap, 3])  # type: ignore[list-item]
    assert pairs.texts == ("a", "", "3")
    assert pairs.notes == (
        "1 item without a text (None or NaN): empty",
        "1 text was no words but numbers, written out",
    )
    assert Embeddings.from_array(np.eye(2), texts=["a", gap]).texts == ("a", "")  # type: ignore[list-item]


@pytest.mark.parametrize("wrong", [["a", "b"], {"raw": "a"}, b"a"])
def test_a_text_whose_printed_form_is_nobodys_caption_is_refused(wrong: object) -> None:
    with pytest.raises(BadInputError, match=r"Text 0 is a .*expected words"):
        data.from_pictures([png(1)], texts=[wrong])  # type: ignore[list-item]
    with pytest.raises(BadInputError, match="texts is one text"):
        data.from_pictures([png(1)], texts="a")


def test_numbers_of_a_text_table_keep_their_digits(tmp_path: Path) -> None:
    pictures(tmp_path, ["0.png", "1.png"])
    columns = {
        "tweet": (("1234567890123456789", ""), (1234567890123456789, None)),
        "zip": (("00501", "01234"), ("00501", "01234")),
        "hex": (("12e3", "7e2"), ("12e3", "7e2")),
        "price": (("1.50", "2.25"), ("1.50", "2.25")),
        "share": (("0.5", "3"), (0.5, 3)),
        "huge": (("1" * 40, "2"), (int("1" * 40), 2)),
        "plus": (("+1", "2"), ("+1", "2")),
        "odd": (("-0", "nan"), ("-0", "nan")),
        "minus": (("-7", "8"), (-7, 8)),
    }
    rows = zip(*(cells for cells, _ in columns.values()), strict=True)
    lines = [f"{k}.png,t,{','.join(row)}" for k, row in enumerate(rows)]
    pairs = data.load(table(tmp_path, "\n".join([f"image,text,{','.join(columns)}", *lines])))
    assert {name: tuple(pairs.columns[name]) for name in columns} == {
        name: read for name, (_, read) in columns.items()
    }
    assert pairs.with_texts("zip").texts == ("00501", "01234")
    assert pairs.with_texts("tweet").texts == ("1234567890123456789", "")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # expressions are drawn slowly
@given(
    st.lists(
        st.from_regex(r"[-+]?[0-9]{1,25}(\.[0-9]{1,4})?(e[0-9])?", fullmatch=True), min_size=1, max_size=5
    )
)
def test_what_becomes_a_number_is_the_same_text_when_it_is_written(cells: list[str]) -> None:
    assert [str(value) for value in numbers(cells)] == cells


def test_numbers_of_a_parquet_beside_gaps_keep_their_digits(tmp_path: Path) -> None:
    columns = {
        "image": packed(2),
        "text": ["a", "b"],
        "label": pa.array([3, None]),
        "id": pa.array([2**60 + 1, None]),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    pairs = data.load(tmp_path / "t.parquet")
    assert (pairs.labels, pairs.columns["id"]) == (("3", ""), (2**60 + 1, None))
    assert "1 row without a label in 'label'" in pairs.notes


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_class_numbers_that_pandas_wrote_beside_a_gap_are_whole(tmp_path: Path, kind: str) -> None:
    pictures(tmp_path, ["0.png", "1.png"])
    frame = pd.DataFrame({"image": ["0.png", "1.png"], "text": ["a", "b"], "label": [3, None]})
    frame.to_csv(tmp_path / "t.csv", index=False) if kind == "csv" else frame.to_parquet(
        tmp_path / "t.parquet"
    )
    assert data.load(tmp_path / f"t.{kind}").labels == ("3", "")
    assert data.load(frame.assign(image=[str(tmp_path / name) for name in frame["image"]])).labels == (
        "3",
        "",
    )


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_cells_are_those_that_pandas_reads_as_texts(tmp_path: Path, mark: str) -> None:
    pictures(tmp_path, ["0.png", "1.png", "2.png"])
    frame = pd.DataFrame(
        {
            "image": ["0.png", "1.png", "2.png"],
            "text": ['say "x"', "a, b; c\td", "NA"],
            "n": ["007", "", "1e5"],
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False, sep=mark)
    peer = pd.read_csv(tmp_path / "t.csv", sep=mark, dtype=str, na_filter=False)
    pairs = data.load(tmp_path / "t.csv")
    assert pairs.texts == tuple(peer["text"]) == tuple(frame["text"])
    assert pairs.columns["n"] == tuple(peer["n"])


def test_a_semicolon_in_the_header_of_a_csv_parts_nothing(tmp_path: Path) -> None:
    """Names that are known decide; where both marks part as many, the mark that the ending promises."""
    pictures(tmp_path, ["0.png", "1.png"])
    table = tmp_path / "t.csv"
    table.write_text("image,text,size;colour\n0.png,red,1;2\n1.png,blue,3;4\n")
    pairs = data.load(table)
    assert pairs.texts == ("red", "blue") and pairs.columns["size;colour"] == ("1;2", "3;4")
    table.write_text("image,text;caption\n0.png,red;a\n1.png,blue;b\n")
    with pytest.raises(BadInputError, match=r"its columns are 'image', 'text;caption'"):
        data.load(table)
    table.with_suffix(".tsv").write_text("image\ttext,caption\n0.png\tred,a\n1.png\tblue,b\n")
    with pytest.raises(BadInputError, match=r"its columns are 'image', 'text,caption'"):
        data.load(table.with_suffix(".tsv"))


def test_the_first_line_decides_what_parts_the_cells_and_names_nobody_knows_part_too(tmp_path: Path) -> None:
    pictures(tmp_path, ["0.png", "1.png"])
    table = tmp_path / "t.csv"
    table.write_text("text,image\np.png;q.png;r,0.png\ns.png;t.png;u,1.png\n")  # three pictures, parted by ;
    assert data.load(table).texts == ("p.png;q.png;r", "s.png;t.png;u")
    table.write_text("first,second\n1,2\n3,4\n")
    with pytest.raises(BadInputError, match=r"'first', 'second'"):
        data.load(table)


@pytest.mark.parametrize(
    ("quoting", "texts"),
    [
        ("none", ('"a"', "b")),
        (csv.QUOTE_NONE, ('"a"', "b")),
        ("double", ("a", "b")),
        (csv.QUOTE_ALL, ("a", "b")),
        (csv.QUOTE_MINIMAL, ("a", "b")),
        (csv.QUOTE_NONNUMERIC, ("a", "b")),
        ("auto", ("a", "b")),
    ],
)
def test_quotes_are_read_as_pythons_own_reader_reads_them(tmp_path: Path, quoting, texts) -> None:
    pictures(tmp_path, ["0.png", "1.png"])
    (tmp_path / "t.csv").write_text('image,text\n0.png,"a"\n1.png,b\n')
    assert data.load(tmp_path / "t.csv", quoting=quoting).texts == texts
    if isinstance(quoting, int) and quoting != csv.QUOTE_NONNUMERIC:
        peer = csv.reader((tmp_path / "t.csv").read_text().splitlines(), quoting=quoting)
        assert tuple(row[1] for row in peer)[1:] == texts


@pytest.mark.parametrize("wrong", [True, False, 9, "single"])
def test_a_quoting_that_means_nothing_is_refused(tmp_path: Path, wrong) -> None:
    pictures(tmp_path, ["0.png"])
    (tmp_path / "t.csv").write_text("image,text\n0.png,a\n")
    with pytest.raises(BadInputError, match="quoting is"):
        data.load(tmp_path / "t.csv", quoting=wrong)


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_commas_in_the_cells_of_a_plain_table_part_nothing(tmp_path: Path, mark: str) -> None:
    """As many commas a row as there are separators: cut at them, every row would fit as well."""
    pictures(tmp_path, ["0.png", "1.png"])
    rows = [("0.png", "red, blue"), ("1.png", "one, two")]
    (tmp_path / "t.csv").write_text("\n".join(mark.join(row) for row in [("image", "text"), *rows]) + "\n")
    assert data.load(tmp_path / "t.csv").texts == ("red, blue", "one, two")


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        (["0.png,red", "1.png,blue"], ("red", "blue")),
        (["red,0.png", "blue,1.png"], ("red", "blue")),
        (["0.png,7,red", "1.png,8,blue"], ("red", "blue")),
        (["red,7,0.png", "blue,8,1.png"], ("red", "blue")),
        (["7,0.png,red", "8,1.png,blue"], ("red", "blue")),
    ],
)
def test_a_table_without_names_is_read_from_its_first_line_on(tmp_path: Path, rows: list[str], texts) -> None:
    pictures(tmp_path, ["0.png", "1.png"])
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    pairs = data.load(tmp_path / "t.csv")
    assert pairs.texts == texts and [pair.picture.size for pair in pairs]
    assert any("names no columns" in note for note in pairs.notes)


def test_a_column_that_is_there_twice_keeps_both_under_two_names(tmp_path: Path) -> None:
    pictures(tmp_path, ["0.png", "1.png"])
    (tmp_path / "t.csv").write_text("image,text,size,size,\n0.png,red,1,2,x\n1.png,blue,3,4,y\n")
    pairs = data.load(tmp_path / "t.csv")
    assert pairs.columns["size"] == (1, 3) and pairs.columns["size (2)"] == (2, 4)
    assert pairs.columns["column 5"] == ("x", "y") and any("is there twice" in note for note in pairs.notes)
