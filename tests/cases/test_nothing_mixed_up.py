"""Nothing is mixed up: a sample is its whole path, quotes never swallow rows, no text moves to another picture."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cases.making import pictures, png, shade, table, tar
from workbench import data


def test_samples_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    members = [
        ("a/1.png", png(10)),
        ("b/1.txt", "of b"),
        ("b/1.png", png(20)),
        ("b/1.cls", "7"),
        ("c/1.png", png(30)),
    ]
    pairs = data.load(tar(tmp_path / "mixed.tar", members))
    assert pairs.texts == ("1", "of b", "1")
    assert pairs.labels == ("", "7", "")
    assert pairs.columns["sample"] == ("a/1", "b/1", "c/1")
    assert [shade(pairs.picture(k)) for k in range(3)] == [10, 20, 30]


def test_a_member_that_is_there_twice_is_refused_by_name(tmp_path: Path) -> None:
    twice = [("1.png", png(10)), ("1.txt", "ten"), ("1.png", png(20)), ("1.txt", "twenty")]
    pairs = data.load(tar(tmp_path / "twice.tar", twice))
    assert (pairs.texts, shade(pairs.picture(0))) == (("ten",), 10)
    assert pairs.notes == ("2 members there twice and refused; the first stays ('1.png', '1.txt')",)


def test_several_pictures_of_a_sample_are_items_with_their_own_words(tmp_path: Path) -> None:
    members = [("1.left.png", png(1)), ("1.right.png", png(2)), ("1.txt", "both"), ("1.right.txt", "right")]
    pairs = data.load(tar(tmp_path / "x.tar", members))
    assert pairs.texts == ("both", "right")
    assert pairs.columns["picture"] == ("left.png", "right.png")
    dots = data.load(tar(tmp_path / "y.tar", [("photo 22.05.png", png(1)), ("photo 22.06.png", png(2))]))
    assert dots.texts == ("photo 22.05", "photo 22.06")


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        ('1.png,a 12" pizza\n2.png,b\n', ('a 12" pizza', "b")),
        ('1.png,"a dog, running"\n2.png,b\n', ("a dog, running", "b")),
        ('1.png,"said ""yes"""\n2.png,b\n', ('said "yes"', "b")),
        ('1.png,"never closed\n2.png,b\n', ('"never closed', "b")),
        ('1.png,"tis\n2.png,a 12"\n', ('"tis', 'a 12"')),
        ('1.png,"hello" she said\n2.png,b\n', ('"hello" she said', "b")),
        ('1.png,"two\nlines"\n2.png,b\n', ("two\nlines", "b")),
        ('1.png,"two, and\nmore, lines"\n2.png,"b"\n', ("two, and\nmore, lines", "b")),
        ("1.png,a, b, and c\n2.png,d\n", ("a, b, and c", "d")),
        ("\n1.png,a\n\n2.png,b\n\n", ("a", "b")),
        ("1.png,a,,\n2.png,b,,\n", ("a", "b")),
        ('1.png,""\n2.png,b\n', ("", "b")),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_and_commas_are_read_as_the_file_means_them(
    tmp_path: Path, rows: str, texts, end: str
) -> None:
    pictures(tmp_path, ["1.png", "2.png"])
    content = ("image,text\n" + rows).replace("\n", end).encode()
    pairs = data.load(table(tmp_path, content))
    assert pairs.texts == texts
    assert [shade(pairs.picture(k)) for k in range(2)] == [1, 2]


def test_quoting_and_separator_can_be_given(tmp_path: Path) -> None:
    pictures(tmp_path, ["1.png"])
    file = table(tmp_path, 'image,text\n1.png,"x"\n')
    assert data.load(file, quoting="none").texts == ('"x"',)
    assert data.load(file, quoting=csv.QUOTE_NONE).texts == ('"x"',)
    file = table(tmp_path, "image~text\n1.png~a, b\n", "u.csv")
    assert data.load(file, separator="~").texts == ("a, b",)
    assert "separator='~'" in data.load(file, separator="~").code
    with pytest.raises(ValueError, match="separator is '::'"):
        data.load(file, separator="::")
    with pytest.raises(ValueError, match="quoting is 'odd'"):
        data.load(file, quoting="odd")


words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\x85\u2028\u2029"),
    max_size=12,
).map(str.strip)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(words, min_size=1, max_size=6),
    mark=st.sampled_from(",;\t|"),
    gone=st.sets(st.integers(0, 5)),
)
def test_rows_in_are_rows_out_and_rows_named(
    tmp_path: Path, texts: list[str], mark: str, gone: set[int]
) -> None:
    """Whatever table Python's own writer writes: each text at its picture, and the missing ones counted."""
    names = [f"{k}.png" if k not in gone else f"gone{k}.png" for k in range(len(texts))]
    pictures(tmp_path, [f"{k}.png" for k in range(6)])
    out = io.StringIO()
    csv.writer(out, delimiter=mark).writerows([("image", "text"), *zip(names, texts, strict=True)])
    file = table(tmp_path, out.getvalue())
    kept = [k for k in range(len(texts)) if k not in gone]
    if not kept:
        with pytest.raises(ValueError, match="has a picture that is there"):
            data.load(file)
        return
    pairs = data.load(file)
    assert pairs.texts == tuple(texts[k] for k in kept)
    assert [shade(pairs.picture(k)) for k in range(len(pairs))] == [k + 1 for k in kept]
    counted = sum(
        int(re.match(r"(\d+) rows? left out", note)[1]) for note in pairs.notes if "left out" in note
    )
    assert len(pairs) + counted == len(texts)


keys = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("123")), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=keys, ends=st.data())
def test_members_in_are_members_out_and_members_named(tmp_path: Path, keys, ends) -> None:
    """Whatever tar is drawn: a text stays with the picture of its whole path, and what is refused is counted."""
    members, first = [], {}
    for number, (folder, name) in enumerate(keys, start=1):
        ending = ends.draw(st.sampled_from(["png", "txt"]))
        path = f"{folder}/{name}.{ending}"
        first.setdefault(path, number)
        members.append((path, png(number) if ending == "png" else f"text {number}"))
    shown = [path for path in first if path.endswith("png")]
    file = tar(tmp_path / "x.tar", members)
    if not shown:
        return
    pairs = data.load(file)
    for item, sample in enumerate(pairs.columns["sample"]):
        assert shade(pairs.picture(item)) == first[f"{sample}.png"]
        text = first.get(f"{sample}.txt")
        assert pairs.texts[item] == (f"text {text}" if text else sample.split("/")[1])
    said = " | ".join(pairs.notes)
    twice = re.search(r"(\d+) members? there twice", said)
    alone = re.search(r"(\d+) samples? without a picture", said)
    used = sum(f"{sample}.txt" in first for sample in pairs.columns["sample"])
    counted = int(twice[1] if twice else 0) + int(alone[1] if alone else 0)
    assert len(pairs) + used + counted == len(members)


places = st.tuples(
    st.sampled_from(["", "a/", "b/", "a/c/"]),
    st.sampled_from(["1", "2", ".h"]),
    st.sampled_from([".png", ".jpg", ".txt", ".md", ".png.txt"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.sets(places, min_size=1, max_size=12))
def test_files_in_are_files_out_and_files_named(tmp_path_factory: pytest.TempPathFactory, places) -> None:
    """Whatever folder is drawn: each caption at the picture of its name, and all that is not read is counted."""
    folder = tmp_path_factory.mktemp("tree")
    shades = {}
    for number, (inside, stem, ending) in enumerate(sorted(places), start=1):
        path = folder / f"{inside}{stem}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = ending in (".png", ".jpg")
        path.write_bytes(png(number) if picture else f"text {number}".encode())
        shades[f"{inside}{stem}{ending}"] = number
    shown = sorted(name for name in shades if name.endswith((".png", ".jpg")) and "/.h" not in f"/{name}")
    if not shown:
        with pytest.raises(ValueError, match="holds no pictures"):
            data.load(folder)
        return
    pairs = data.load(folder)
    assert sorted(pairs.columns["file"]) == shown
    used = set()
    for item, name in enumerate(pairs.columns["file"]):
        assert shade(pairs.picture(item)) == shades[name]
        stem = name.rpartition(".")[0]
        beside = next((other for other in (f"{name}.txt", f"{stem}.txt") if other in shades), None)
        assert pairs.texts[item] == (f"text {shades[beside]}" if beside else stem.rpartition("/")[2])
        used |= {beside} - {None}
    counted = re.findall(r"(\d+) (?:hidden )?files?(?: or folders?)? left out", " | ".join(pairs.notes))
    assert len(pairs) + len(used) + sum(map(int, counted)) == len(places)
