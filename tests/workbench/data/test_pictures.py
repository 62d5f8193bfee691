"""Pictures of every kind that people have, and files that are none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.data import pictures
from workbench.data.pictures import open_picture, picture_kind
from workbench.errors import BadPictureError

RED = (200, 30, 40)


def saved(picture: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def noise(height: int = 40, width: int = 60) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_common_formats_open_as_rgb(form: str) -> None:
    picture = open_picture(saved(Image.new("RGB", (7, 5), RED), form))
    assert (picture.mode, picture.size) == ("RGB", (7, 5))
    np.testing.assert_allclose(np.asarray(picture)[2, 3], RED, atol=4)


def test_cmyk_becomes_rgb() -> None:
    picture = open_picture(saved(Image.new("RGB", (8, 6), RED).convert("CMYK"), "JPEG", quality=95))
    np.testing.assert_allclose(np.asarray(picture)[3, 3], RED, atol=12)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    drawn = Image.new("RGBA", (6, 4), (0, 0, 0, 0))
    drawn.putpixel((1, 1), (10, 10, 10, 255))
    picture = open_picture(saved(drawn.convert(mode), "PNG"))
    pixels = np.asarray(picture)
    assert pixels[3, 5].tolist() == [255, 255, 255]
    assert pixels[1, 1].max() < 40


def test_a_palette_with_a_transparent_entry_is_laid_on_white() -> None:
    drawn = Image.new("P", (4, 3), 0)
    drawn.putpalette([9, 9, 9, 200, 30, 40] + [0] * 750)
    drawn.putpixel((2, 1), 1)
    pixels = np.asarray(open_picture(saved(drawn, "PNG", transparency=0)))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[1, 2].tolist() == list(RED)


def test_sixteen_bits_keep_their_shades_instead_of_turning_white() -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(1, 64).repeat(8, axis=0)
    pixels = np.asarray(open_picture(saved(Image.fromarray(ramp), "PNG")))[0, :, 0]
    assert pixels[0] == 0
    assert pixels[-1] == 255
    assert abs(int(pixels[32]) - 129) <= 2


def test_floats_keep_their_shades() -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 64).repeat(8, axis=0)
    pixels = np.asarray(open_picture(saved(Image.fromarray(ramp), "TIFF")))[0, :, 0]
    assert (pixels[0], pixels[-1]) == (0, 255)
    assert len(np.unique(pixels)) > 50


def test_exif_turns_a_picture_upright() -> None:
    lying = Image.new("RGB", (8, 4), "white")
    lying.putpixel((0, 0), (0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    upright = open_picture(saved(lying, "PNG", exif=exif))
    assert upright.size == (4, 8)
    assert np.asarray(upright)[0, 3].tolist() == [0, 0, 0]


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, (0, 200, 0), (0, 0, 200))]
    content = saved(frames[0], form, save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(np.asarray(open_picture(content))[4, 4], RED, atol=6)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_a_cut_off_file_is_refused_by_its_name(form: str) -> None:
    content = saved(noise(), form)
    with pytest.raises(BadPictureError, match=r"holiday\.x"):
        open_picture(content[: len(content) // 2], name="holiday.x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty (0 bytes)"),
        (b"only words in here", "it holds text"),
        (b"<!DOCTYPE html><html></html>", "it is a web page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "it is an SVG drawing; export it as PNG first"),
        (b"\x00\x01\x02\x03" * 50, "expected one of avif, bmp, gif, jpeg"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_it_seems_to_be(content: bytes, said: str) -> None:
    with pytest.raises(BadPictureError, match=r"holiday\.png") as refused:
        open_picture(content, name="holiday.png")
    assert said in str(refused.value)


def test_a_decompression_bomb_is_refused_before_its_pixels_exist() -> None:
    bomb = saved(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(bomb) < 200_000
    with pytest.raises(BadPictureError, match=r"20,000 x 20,000 pixels|far more than"):
        open_picture(bomb, name="bomb.png")


def test_more_bytes_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 1000)
    with pytest.raises(BadPictureError, match=r"a picture may have 1\.0 kB"):
        open_picture(saved(noise(), "BMP"), name="big.bmp")
    (tmp_path / "big.bmp").write_bytes(saved(noise(), "BMP"))
    with pytest.raises(BadPictureError, match=r"big\.bmp.* has 7\.3 kB"):
        open_picture(tmp_path / "big.bmp")


@pytest.mark.parametrize(
    "address", ["https://example.org/cat.png", "http://localhost/x", "data:image/png;base64,AA"]
)
def test_nothing_is_fetched_from_an_address(address: str) -> None:
    with pytest.raises(BadPictureError, match="Nothing is fetched from addresses"):
        open_picture(address)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadPictureError, match="There is no file"):
        open_picture(tmp_path / "none.png")


def test_arrays_open_as_they_are() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.asarray(open_picture(grey))[2, 3].tolist() == [11, 11, 11]
    colour = np.zeros((3, 4, 3))
    colour[1, 2] = (1, 0, 0.2)
    assert np.asarray(open_picture(colour))[1, 2].tolist() == [255, 0, 51]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 4, 5), np.uint8), "has shape (2, 4, 5)"),
        (np.zeros((0, 4), np.uint8), "has shape (0, 4)"),
        (np.full((3, 4), 7.0), "floats outside 0..1"),
        (np.full((3, 4), np.nan), "floats outside 0..1"),
        (np.zeros((3, 4), np.int64), "dtype int64"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array: np.ndarray, said: str) -> None:
    with pytest.raises(BadPictureError) as refused:
        open_picture(array)
    assert said in str(refused.value)


def test_sixteen_bits_are_scaled_by_what_they_can_hold_and_not_by_their_own_brightest() -> None:
    """Half of 65535 is mid-grey, whatever else is on the picture; two X-rays keep their difference."""
    for values in ([0, 32768], [0, 16384, 32768], [257, 514]):
        row = np.array([values], np.uint16)
        found = np.asarray(open_picture(saved(Image.fromarray(row), "PNG")))[0, :, 0]
        np.testing.assert_array_equal(found, np.round(np.array(values) / 257).astype(int))


def test_a_photograph_is_decoded_at_full_size_up_to_two_thousand_pixels_a_side() -> None:
    """Pillow without a draft is the peer; above that, at half the size a half of the pixels is still more."""
    content = saved(noise(900, 1400), "JPEG", quality=95)
    np.testing.assert_array_equal(
        np.asarray(open_picture(content)), np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    )
    large = saved(Image.new("RGB", (4200, 4200), RED), "JPEG")
    assert open_picture(large).size == (2100, 2100)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "JPEG2000", "AVIF"])
def test_a_file_says_its_format_in_its_first_bytes(form: str) -> None:
    """What Pillow writes as a format is known as that."""
    assert picture_kind(saved(noise(), form)[:32]) == form


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "WEBP"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", ""),
        (b"RIFX\x24\x00\x00\x00WEBPVP8 ", ""),
        (b"\0\0\0\x20ftypavif\0\0\0\0mif1miaf", "AVIF"),
        (b"\0\0\0\x20ftypavis\0\0\0\0msf1miaf", "AVIF"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif", "AVIF"),  # among those it is compatible with
        (b"\0\0\0\x20ftypheic\0\0\0\0mif1heic", ""),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2", ""),
        (b"\0\0\0\x20moovavif\0\0\0\0mif1miaf", ""),
        (b"plain text", ""),
        (b"", ""),
    ],
)
def test_containers_that_hold_other_things_are_no_pictures(start: bytes, kind: str) -> None:
    assert picture_kind(start) == kind


def test_what_is_given_is_not_what_comes_back() -> None:
    given = noise(4, 6)
    before = given.tobytes()
    open_picture(given).putpixel((0, 0), (1, 2, 3))
    assert given.tobytes() == before
