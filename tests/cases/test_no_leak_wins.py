"""A comparison can't be won by a leak: what could be answered without learning is said in red, with its numbers."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.cases.comparing import QUICK, in_hand, leaks_of, noise, pairs_of, parts, saved, scene
from tests.cases.making import table
from widgets import show
from workbench import data
from workbench.fusion import compare, examples, join, open_report

# File names --------------------------------------------------------------------------------------


def folder_of(place: Path, name: str, classes=("cat", "dog"), count: int = 60) -> Path:
    random = np.random.default_rng(0)
    for kind in classes:
        (place / f"{kind}s").mkdir(parents=True)
        for number in range(count):
            noise(random).save(place / f"{kind}s" / name.format(kind=kind, number=number))
    return place


@pytest.mark.parametrize(
    "name", ["{kind}.{number}.jpg", "{kind}{number:04}.png", "img_{number}_{kind}.png", "{kind}-{number}.jpg"]
)
def test_a_file_name_that_carries_the_class_is_said_and_not_read(tmp_path: Path, name: str) -> None:
    report = leaks_of(folder_of(tmp_path, name))
    (leak,) = report.leaks
    assert (leak.modality, leak.kind, leak.rows, leak.of) == ("text", "file names", 18, 18)
    assert leak.right == 1 and leak.chance == 0.5
    assert "'cat', 'dog'" in leak.text and "answers 100% of 18 test rows (chance 50%)" in leak.text
    assert report.metrics["accuracy"][1].max() < 0.8  # noise and numbers are left


def test_synonyms_of_a_class_are_found_by_what_they_tell_and_not_by_its_name(tmp_path: Path) -> None:
    for kind, names in {"a": ("tabby", "siamese"), "b": ("poodle", "beagle")}.items():
        (tmp_path / kind).mkdir()
        for number in range(60):
            noise(np.random.default_rng(number + 100 * (kind == "b"))).save(
                tmp_path / kind / f"{names[number % 2]} {number}.png"
            )
    report = leaks_of(tmp_path)
    assert [leak.kind for leak in report.leaks] == ["file names"]
    assert report.metrics["accuracy"][1].max() < 0.8


@pytest.mark.parametrize("make", ["paths", "shard", "table"])
def test_file_names_are_known_wherever_pictures_come_from(tmp_path: Path, make: str) -> None:
    import tarfile

    folder = folder_of(tmp_path / "in", "{kind}_{number}.png", count=40)
    files = sorted(folder.rglob("*.png"))
    labels = [file.parent.name for file in files]
    if make == "paths":
        given = data.from_pictures(files, labels=labels)
    elif make == "table":
        rows = "".join(f"{file},{file.name},{label}\n" for file, label in zip(files, labels, strict=True))
        given = data.load(table(tmp_path, "image,title,label\n" + rows))
    else:
        with tarfile.open(tmp_path / "s.tar", "w") as tar:
            for file, label in zip(files, labels, strict=True):
                tar.add(file, file.name)
                told = tarfile.TarInfo(file.stem + ".cls")
                told.size = len(label)
                tar.addfile(told, io.BytesIO(label.encode()))
        given = data.load(tmp_path / "s.tar")
    assert [leak.kind for leak in leaks_of(given).leaks] == ["file names"]


def test_file_names_that_tell_nothing_are_named_and_stay(tmp_path: Path) -> None:
    report = leaks_of(folder_of(tmp_path, "IMG_{number:04}.jpg"))
    assert report.leaks == () and "LEAKS" not in repr(report)
    assert any("of 120 of 120 rows it is the name of the picture's file" in note for note in report.notes)


def test_a_text_that_is_the_label_is_said(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "{number}.png", count=30)
    rows = "".join(f"{file},{file.parent.name}\n" for file in sorted(folder.rglob("*.png")))
    (leak,) = leaks_of(data.load(table(tmp_path, "image,label\n" + rows))).leaks
    assert (leak.modality, leak.kind, leak.rows) == ("text", "named class", leak.of)


def test_a_class_called_like_a_word_of_every_text_gives_nothing_away() -> None:
    random = np.random.default_rng(0)
    pairs = pairs_of([noise(random) for _ in range(90)], ["a" if k % 3 else "b" for k in range(90)])
    assert leaks_of(pairs).leaks == ()  # "a red ball"


def test_a_choice_between_classes_gives_nothing_away() -> None:
    random = np.random.default_rng(0)
    labels = [("red", "blue")[k % 2] for k in range(90)]
    pairs = pairs_of([noise(random) for _ in labels], labels, texts=["is it red or blue?"] * 90)
    assert leaks_of(pairs).leaks == ()


# One picture in two parts --------------------------------------------------------------------------


def test_one_picture_on_both_sides_of_a_given_split_is_said_with_the_numbers() -> None:
    random = np.random.default_rng(0)
    pictures, kinds = [noise(random) for _ in range(30)], random.integers(0, 2, 30)
    rows = np.arange(300) % 30
    pairs = pairs_of([pictures[row] for row in rows], [str(kinds[row]) for row in rows], split=parts(300))
    report = leaks_of(pairs)
    (leak,) = report.leaks
    assert (leak.modality, leak.kind, leak.rows, leak.of, leak.right) == ("image", "same pictures", 50, 50, 1)
    assert "50 of 50 test rows and 50 of 50 validation rows show a picture that is in train too" in leak.text
    assert report.notes[0].startswith("image: 50 of 50 test rows")
    drawn = examples(replace(pairs, columns={}))
    assert all(len(set(drawn.split[rows == picture].tolist())) == 1 for picture in range(30))


def test_pictures_met_before_are_said_even_where_their_old_label_tells_nothing() -> None:
    """As in questions about pictures: four test rows of fifty show a picture that train has with both labels."""
    random = np.random.default_rng(0)
    pictures = [noise(random) for _ in range(296)]
    pictures += [pictures[row] for row in (0, 2, 4, 6)]
    pictures[1:8:2] = pictures[0:8:2]
    report = leaks_of(pairs_of(pictures, ["xy"[k % 2] for k in range(300)], split=parts(300)))
    (leak,) = report.leaks
    assert (leak.kind, leak.rows, leak.of, leak.right, leak.chance) == ("same pictures", 4, 50, 0.5, 0.5)


def test_one_picture_alike_among_hundreds_is_a_note() -> None:
    random = np.random.default_rng(0)
    pictures = [noise(random) for _ in range(720)]
    pictures[-1] = ImageOps.mirror(pictures[0])
    report = leaks_of(pairs_of(pictures, ["xy"[k % 2] for k in range(720)], split=parts(720)))
    assert report.leaks == ()
    assert any(
        "1 of 120 test rows" in note and "nearly the same as one in train" in note for note in report.notes
    )


AGAIN = {
    "saved again": lambda picture: saved(picture, 40),
    "half": lambda picture: picture.resize((48, 48)),
    "larger": lambda picture: picture.resize((224, 224)),
    "darker": lambda picture: picture.point(lambda value: int(0.8 * value)),
    "mirrored": ImageOps.mirror,
    "turned": lambda picture: picture.rotate(90),
    "a little noise": lambda picture: Image.fromarray(np.clip(np.asarray(picture, int) + np.random.default_rng(3).integers(-4, 5, (96, 96, 3)), 0, 255).astype(np.uint8)),
}  # fmt: skip


@pytest.mark.parametrize("how", AGAIN)
def test_near_duplicates_across_a_given_split_are_said_and_a_draw_keeps_them_together(how: str) -> None:
    random = np.random.default_rng(1)
    first = [scene(random) for _ in range(90)]
    again = [AGAIN[how](picture) for picture in first[:20]]  # of training pictures, into test
    labels = ["ab"[k] for k in random.integers(0, 2, 90)]
    pictures = first + again
    split = ["train"] * 60 + ["validation"] * 15 + ["test"] * 35
    report = leaks_of(pairs_of(pictures, labels + labels[:20], split=split))
    (leak,) = report.leaks
    assert (leak.modality, leak.kind, leak.rows, leak.of, leak.right) == (
        "image",
        "near duplicates",
        20,
        35,
        1,
    )
    drawn = examples(pairs_of(pictures, labels + labels[:20]))
    assert (drawn.split[:20] == drawn.split[90:]).all()


def test_different_pictures_of_one_kind_are_no_duplicates() -> None:
    for given in (data.load("digits-words", task="redundant", n=600), data.load("shapes-questions", n=200)):
        assert leaks_of(given).leaks == ()


def test_long_texts_written_twice_are_said_and_questions_asked_often_are_not() -> None:
    random = np.random.default_rng(0)
    words = [f"word{k}" for k in range(200)]
    once = [" ".join(random.choice(words, 12, replace=False)) for _ in range(120)]
    texts = once[:80] + once[80:100] + [text.upper() + "!" for text in once[:20]]
    labels = ["ab"[k] for k in random.integers(0, 2, 80)]
    labels += ["ab"[k % 2] for k in range(20)] + labels[:20]
    split = ["train"] * 80 + ["validation"] * 20 + ["test"] * 20
    pictures = [noise(random) for _ in texts]
    (leak,) = leaks_of(pairs_of(pictures, labels, texts=texts, split=split)).leaks
    assert (leak.modality, leak.kind, leak.rows, leak.right) == ("text", "same rows", 20, 1)
    asked = ["what is the colour of the thing in the picture?"] * 120
    assert leaks_of(pairs_of(pictures, labels, texts=asked, split=split)).leaks == ()


@pytest.mark.parametrize("name", ["image", "tabular"])
def test_rows_in_hand_that_stand_in_two_parts_are_said_with_their_modality(name: str) -> None:
    random = np.random.default_rng(0)
    other = "tabular" if name == "image" else "image"
    values, labels = random.normal(size=(240, 6)), random.integers(0, 2, 240)
    values[200:], labels[200:] = values[:40], labels[:40]
    given = in_hand({name: values, other: random.normal(size=(240, 6))}, labels)
    (leak,) = compare(given, ["only-image"], seeds=2, plan=QUICK).leaks
    assert (leak.modality, leak.rows, leak.right) == (name, 40, 1)


def test_codes_that_recur_in_every_part_are_no_leak() -> None:
    random = np.random.default_rng(0)
    one_hot = np.eye(6)[random.integers(0, 6, 240)]
    given = in_hand({"image": one_hot, "tabular": one_hot[::-1]}, random.integers(0, 2, 240))
    assert compare(given, ["only-image"], seeds=2, plan=QUICK).leaks == ()


# Where it is said -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    return compare(
        folder_of(tmp_path_factory.mktemp("leak"), "{kind}.{number}.jpg"),
        ["mean-logits", "only-text"],
        seeds=2,
        plan=QUICK,
    )


def test_a_leak_stands_in_the_repr_the_page_the_board_and_the_tables(leaking, tmp_path: Path) -> None:
    (leak,) = leaking.leaks
    assert "LEAKS: text (file names)" in repr(leaking) and leaking.leaking == ("text",)
    html = leaking._repr_html_()
    assert html.index("#d33f3f") < html.index("<table") and html.count("carry the class") == 1
    board = show(leaking)
    for tab in ("quality", "training", "robustness", "cost"):
        board.tab = tab
        assert board._view["leaks"] == [leak.text] and leak.text not in board._view["notes"]
    board.tab = "plane"
    assert board._view["leaks"] == []
    board.tab = "quality"
    board.export(tmp_path / "kept")
    page = (tmp_path / "kept.html").read_text("utf-8")
    assert page.index("Leak.") < page.index("<table") and page.count("carry the class") == 1
    picture = np.asarray(Image.open(tmp_path / "kept.png").convert("RGB")).reshape(-1, 3)
    assert (np.abs(picture.astype(int) - (0xC6, 0x28, 0x28)).max(axis=1) < 8).sum() > 50  # red letters
    assert "text: file names" in leaking.to_csv() and "% LEAK: text: the texts of" in leaking.to_latex()


def test_a_leak_outlives_the_kernel_and_a_join(leaking, tmp_path: Path) -> None:
    leaking.save(tmp_path / "kept")
    again = open_report(tmp_path / "kept")
    assert again.leaks == leaking.leaks
    part = join([again], ["mean-logits"])
    assert part.leaks == leaking.leaks and part.notes[0] == leaking.leaks[0].text
