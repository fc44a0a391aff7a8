"""Picture files from phones, scanners and the web: the right pixels, or a sentence naming the file.

Pixels are compared with those that were saved.
"""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import CourseError, data
from tests.conftest import SMALL, draw_classes

RED = (200, 40, 30)
GREY = np.tile(np.linspace(0, 255, 30), (20, 1)).astype(np.uint8)
RAMP = np.stack([GREY, GREY[:, ::-1], np.full_like(GREY, 40)], -1)
NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
FLAT = np.full((20, 30, 3), RED, np.uint8)
WHITE = np.full((4, 6, 3), 255, np.uint8)


def saved(picture: Image.Image | np.ndarray, kind: str, mode: str = "", **options) -> bytes:
    stream = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    (picture.convert(mode) if mode else picture).save(stream, kind, **options)
    return stream.getvalue()


def red(size: tuple[int, int] = (6, 4)) -> Image.Image:
    return Image.new("RGB", size, RED)


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    """The right half transparent."""
    alpha = np.where(np.arange(pixels.shape[1]) < 15, 255, 0) * np.ones((pixels.shape[0], 1))
    return np.dstack([pixels, alpha]).astype(np.uint8)


def floats(value: float) -> bytes:
    pixels = np.full((4, 6), 90.0, np.float32)
    pixels[1, 1] = value
    return saved(pixels, "TIFF")


IN_GREY, ON_WHITE = np.repeat(GREY[..., None], 3, -1), RAMP.copy()
ON_WHITE[:, 15:] = 255
DEEP = GREY.astype(np.uint16) * 257
BEST = {"quality": 100, "subsampling": 0}
PAGES = {"save_all": True, "append_images": [Image.new("RGB", (6, 4))] * 3}
UNUSUAL = {  # file: its bytes, the right pixels, how far JPEG or a palette may take them off
    "grey.png": (saved(GREY, "PNG"), IN_GREY, 0),
    "black and white.png": (saved(Image.new("1", (6, 4), 1), "PNG"), WHITE, 0),
    "16 bits.png": (saved(DEEP, "PNG"), IN_GREY, 0),
    "16 bits.tif": (saved(DEEP, "TIFF"), IN_GREY, 0),
    "floats.tif": (floats(90), np.full((4, 6, 3), 90), 0),
    "transparent.png": (saved(with_alpha(RAMP), "PNG"), ON_WHITE, 0),
    "transparent.webp": (saved(with_alpha(RAMP), "WEBP", lossless=True), ON_WHITE, 0),
    "transparent colour.png": (saved(red(), "PNG", transparency=RED), WHITE, 0),
    "palette.png": (saved(red().quantize(4), "PNG"), FLAT[:4, :6], 0),
    "palette.gif": (saved(red().quantize(4), "GIF"), FLAT[:4, :6], 0),
    "transparent palette.png": (
        saved(red().quantize(4), "PNG", transparency=red().quantize(4).getpixel((0, 0))), WHITE, 0),
    "CMYK.jpg": (saved(FLAT, "JPEG", "CMYK", **BEST), FLAT, 6),
    "CMYK.tif": (saved(FLAT, "TIFF", "CMYK"), FLAT, 6),
    **{
        f"turned {turn}.jpg": (saved(RAMP, "JPEG", exif=exif(turn), **BEST), upright, 12)
        for turn, upright in {
            1: RAMP, 2: RAMP[:, ::-1], 3: np.rot90(RAMP, 2), 4: RAMP[::-1],
            5: RAMP.transpose(1, 0, 2), 6: np.rot90(RAMP, -1),
            7: np.rot90(RAMP, 2).transpose(1, 0, 2), 8: np.rot90(RAMP),
        }.items()
    },
    "turned 99.jpg": (saved(RAMP, "JPEG", exif=exif(99), **BEST), RAMP, 12),
    "EXIF nonsense.jpg": (saved(FLAT, "JPEG", exif=b"Exif\0\0" + bytes(range(255))), FLAT, 6),
    "EXIF cut.jpg": (saved(FLAT, "JPEG", exif=exif(6)[:16]), FLAT, 6),
    "colour profile nonsense.jpg": (saved(FLAT, "JPEG", icc_profile=b"nonsense"), FLAT, 6),
    "progressive.jpg": (saved(RAMP, "JPEG", progressive=True, **BEST), RAMP, 12),
    "junk after the end.jpg": (saved(FLAT, "JPEG") + bytes(range(256)) * 9, FLAT, 6),
    "animated.gif": (saved(red(), "GIF", **PAGES), FLAT[:4, :6], 0),
    "animated.webp": (saved(red(), "WEBP", lossless=True, **PAGES), FLAT[:4, :6], 0),
    "several pages.tif": (saved(red(), "TIFF", **PAGES), FLAT[:4, :6], 0),
    "PNG by another name.jpg": (saved(FLAT, "PNG"), FLAT, 0),
    "NO ENDING": (saved(FLAT, "PNG"), FLAT, 0),
    "ünïcödé and  spaces.png": (saved(FLAT, "PNG"), FLAT, 0),
    "one pixel.png": (saved(red(size=(1, 1)), "PNG"), FLAT[:1, :1], 0),
    "one pixel high.png": (saved(red(size=(5000, 1)), "PNG"), np.full((1, 5000, 3), RED), 0),
}  # fmt: skip


@pytest.mark.trap("grey, transparent, CMYK, turned pictures")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_picture_has_the_right_pixels(tmp_path, name):
    content, expected, tolerance = UNUSUAL[name]
    (tmp_path / name).write_bytes(content)
    picture = data.read_picture(tmp_path / name)
    pixels = np.asarray(picture).astype(int)
    assert picture.mode == "RGB" and pixels.shape == expected.shape
    assert abs(pixels - expected).max() <= tolerance


def chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG file by hand, whose header may lie."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join([header, *chunks, chunk(b"IEND", b"")])


JPEG, PNG = saved(NOISE, "JPEG"), saved(NOISE, "PNG")
DAMAGED = {
    "no bytes.jpg": b"",
    "JPEG magic alone.jpg": b"\xff\xd8\xff\xe0",
    "text.jpg": b"this is a picture of a cat",
    "web page.jpg": b"<!DOCTYPE html><title>404</title>",
    "SVG.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "array of NumPy.png": b"\x93NUMPY\x01\0v\0{'descr': '<f4', 'shape': (2, 2)}",
    "JPEG cut in half.jpg": JPEG[: len(JPEG) // 2],
    "JPEG without its end.jpg": JPEG[:-200],
    "PNG cut in half.png": PNG[: len(PNG) // 2],
    "PNG without pixels.png": png(5, 5),
    "PNG with a wrong byte.png": PNG[:-20] + bytes([PNG[-20] ^ 255]) + PNG[-19:],
    "GIF cut in half.gif": saved(NOISE, "GIF")[:900],
    "BMP cut in half.bmp": saved(NOISE, "BMP")[:7000],
    "WebP cut in half.webp": saved(NOISE, "WEBP")[:700],
    "TIFF cut in half.tif": saved(NOISE, "TIFF")[:7000],
    "TIFF with NaN.tif": floats(float("nan")),
    "TIFF whose tags lie.tif": b"II*\0\x08\0\0\0\xff\xff" + bytes(range(200)),
    "PNG of no width.png": png(0, 5, chunk(b"IDAT", zlib.compress(b""))),
    "PNG that says 100,000 x 100,000.png": png(100_000, 100_000, chunk(b"IDAT", b"")),
    "JPEG that says 65,535 x 65,535.jpg": JPEG.replace(struct.pack(">HH", 60, 80), b"\xff" * 4, 1),
    "PNG with 100 MB of text.png": png(
        5, 5, chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9))
    ),
}


def refused(file: Path) -> str:
    with pytest.raises(CourseError) as caught:
        data.read_picture(file)
    text = str(caught.value)
    assert str(file) in text and text.endswith(".") and "\n" not in text and len(text) < 700
    return text


@pytest.mark.trap("truncated pictures")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_and_the_sentence_says_what_to_do(tmp_path, name):
    (tmp_path / name).write_bytes(DAMAGED[name])
    text = refused(tmp_path / name)
    assert "remove it" in text or "check the path" in text


def test_a_path_to_no_picture_is_named(tmp_path):
    (tmp_path / "cats.jpg").mkdir()
    for name, aim in (("loop.jpg", "loop.jpg"), ("link.jpg", "gone.jpg")):
        os.symlink(tmp_path / aim, tmp_path / name)
    for name in ("cats.jpg", "loop.jpg", "link.jpg", "none.png"):
        refused(tmp_path / name)


def test_a_folder_with_a_damaged_picture_is_refused_by_its_name(tmp_path):
    draw_classes(tmp_path / "set", {"a": 3, "b": 3})
    (tmp_path / "set" / "a" / "bad.jpg").write_bytes(JPEG[:-200])
    with pytest.raises(CourseError, match="bad.jpg cannot be read .*: replace it"):
        data.read_folder(tmp_path / "set", SMALL)


@pytest.mark.parametrize("shape", [(4000, 1), (1, 4000), (1, 1), (3, 700)])
def test_very_long_and_very_small_pictures_give_a_square(shape):
    picture = Image.fromarray(np.full((*shape, 3), 90, np.uint8))
    square = data.to_tensor(picture, SMALL)
    assert square.shape == (3, SMALL.resize, SMALL.resize) and (square == 90).all()


@pytest.mark.parametrize("turned", [False, True])
def test_the_square_is_the_middle_of_what_resizing_the_whole_picture_shows(turned):
    noise = np.random.default_rng(0).integers(0, 255, (40, 200, 3)).astype(np.uint8)
    whole = np.asarray(Image.fromarray(noise).resize((100, 20), Image.Resampling.BILINEAR))
    expected = whole[:, 40:60].astype(int)
    if turned:
        noise, expected = noise.transpose(1, 0, 2), expected.transpose(1, 0, 2)
    square = data.to_tensor(Image.fromarray(noise), SMALL).permute(1, 2, 0).numpy().astype(int)
    assert abs(square - expected)[2:-2, 2:-2].max() <= 1  # at its edges it does not see further
