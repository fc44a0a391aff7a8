"""Picture files from phones, scanners and the web: the right pixels, or a sentence naming the file.

Pixels are compared with those that were saved.
"""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from helpers import CourseError, data
from tests.conftest import SMALL, is_a_sentence

GREY = np.tile(np.linspace(0, 255, 30), (20, 1)).astype(np.uint8)
RAMP = np.stack([GREY, GREY[:, ::-1], np.full_like(GREY, 40)], -1)
FLAT = np.full((20, 30, 3), (200, 40, 30), np.uint8)
RED = Image.fromarray(FLAT[:4, :6])
WHITE = np.full((4, 6, 3), 255, np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def saved(picture: Image.Image | np.ndarray, kind: str, mode: str = "", **options) -> bytes:
    stream = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    (picture.convert(mode) if mode else picture).save(stream, kind, **options)
    return stream.getvalue()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


IN_GREY, ON_WHITE = np.repeat(GREY[..., None], 3, -1), RAMP.copy()
ON_WHITE[:, 15:] = 255
WITH_ALPHA = np.dstack([RAMP, np.full_like(GREY, 255)])
WITH_ALPHA[:, 15:, 3] = 0
BEST = {"quality": 100, "subsampling": 0}
PAGES = {"save_all": True, "append_images": [Image.new("RGB", (6, 4))] * 3}
TWELVE, HALF = np.full((4, 6), 4095, np.uint16), np.full((40, 60, 3), 128)
TWELVE_BITS = np.tile([[[255]], [[128]]], (12, 1, 3)).reshape(4, 6, 3)  # 4095 and 2048 in turn


def tiff(bits: int, pixels: bytes, signed_or_float: int = 1) -> bytes:
    """A TIFF file of 6 x 4 grey pixels in a format that Pillow does not write."""
    tags = {256: 6, 257: 4, 258: bits, 259: 1, 262: 1, 273: 0, 277: 1, 278: 4, 279: len(pixels)}
    tags[339] = signed_or_float
    tags[273] = 8 + 2 + 12 * len(tags) + 4  # where the pixels begin
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()]
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(entries) + bytes(4) + pixels


UNUSUAL = {  # file: its bytes, the right pixels, how far JPEG or a palette may take them off
    "grey.png": (saved(GREY, "PNG"), IN_GREY, 0),
    "16 bits.png": (saved(GREY.astype(np.uint16) * 257, "PNG"), IN_GREY, 0),
    "dark 16 bits.png": (saved(np.full((4, 6), 200, np.uint16), "PNG"), np.ones((4, 6, 3)), 0),
    "16 bits of which 12 are used.tif": (saved(TWELVE, "TIFF"), np.full((4, 6, 3), 16), 0),
    "12 bits.tif": (tiff(12, bytes([255, 248, 0]) * 12), TWELVE_BITS, 0),
    "16 bits.jp2": (saved(np.full((40, 60), 32896, np.uint16), "JPEG2000"), HALF, 0),
    "12 bits.pgm": (b"P5\n6 4\n4095\n" + struct.pack(">H", 2048) * 24, HALF[:4, :6], 0),
    "one bit.png": (saved(Image.new("1", (6, 4), 1), "PNG"), WHITE, 0),
    "grey, transparent.png": (saved(Image.new("LA", (6, 4), (9, 0)), "PNG"), WHITE, 0),
    "CMYK.tif": (saved(FLAT, "TIFF", "CMYK"), FLAT, 1),
    "pages.tif": (saved(RED, "TIFF", **PAGES), FLAT[:4, :6], 0),
    "transparent.png": (saved(WITH_ALPHA, "PNG"), ON_WHITE, 0),
    "transparent palette.png": (saved(RED.quantize(4), "PNG", transparency=0), WHITE, 0),
    "CMYK.jpg": (saved(FLAT, "JPEG", "CMYK", **BEST), FLAT, 6),
    "turned 3.jpg": (saved(RAMP, "JPEG", exif=exif(3), **BEST), np.rot90(RAMP, 2), 12),
    "turned 6.jpg": (saved(RAMP, "JPEG", exif=exif(6), **BEST), np.rot90(RAMP, -1), 12),
    "EXIF nonsense.jpg": (saved(FLAT, "JPEG", exif=b"Exif\0\0" + bytes(range(255))), FLAT, 6),
    "animated.gif": (saved(RED, "GIF", **PAGES), FLAT[:4, :6], 0),
    "PNG by another name.jpg": (saved(FLAT, "PNG"), FLAT, 0),
    "ünïcödé and  spaces.png": (saved(FLAT, "PNG"), FLAT, 0),
}


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


JPEG, PNG = saved(NOISE, "JPEG"), saved(NOISE, "PNG")
DAMAGED = {
    "no bytes.jpg": b"",
    "web page.jpg": b"<!DOCTYPE html><title>404</title>",
    "JPEG cut in half.jpg": JPEG[: len(JPEG) // 2],
    "JPEG without its end.jpg": JPEG[:-200],
    "PNG with a wrong byte.png": PNG[:-20] + bytes([PNG[-20] ^ 255]) + PNG[-19:],
    "TIFF with NaN.tif": saved(np.full((4, 6), np.nan, np.float32), "TIFF"),
    "JPEG that says 65,535 x 65,535.jpg": JPEG.replace(struct.pack(">HH", 60, 80), b"\xff" * 4, 1),
}


@pytest.mark.trap("truncated pictures")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_and_the_sentence_says_what_to_do(tmp_path, name):
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(CourseError) as caught:
        data.read_picture(tmp_path / name)
    text = str(caught.value)
    assert str(tmp_path / name) in text and "remove it" in text and is_a_sentence(text)


WITHOUT_SCALE = {
    "floats.tif": saved(np.full((4, 6), 0.5, np.float32), "TIFF"),
    "floats.pfm": b"Pf\n6 4\n-1.0\n" + struct.pack("<f", 0.5) * 24,
    "32 bits.tif": saved(np.full((4, 6), 2**30, np.int32), "TIFF"),
    "16 bits with a sign.tif": tiff(16, struct.pack("<h", -5) * 24, 2),
    "LAB.tif": saved(Image.new("LAB", (6, 4), (128, 0, 0)), "TIFF"),
}


@pytest.mark.trap("numbers scaled by their own maximum")
@pytest.mark.parametrize("name", WITHOUT_SCALE)
def test_numbers_without_a_fixed_scale_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(WITHOUT_SCALE[name])
    with pytest.raises(CourseError, match="without a fixed scale to 8-bit RGB: save it") as caught:
        data.read_picture(tmp_path / name)
    assert name in str(caught.value) and is_a_sentence(str(caught.value))


@pytest.mark.filterwarnings("ignore")
def test_a_picture_of_a_phone_with_many_pixels_is_read_and_a_bomb_refused(tmp_path, monkeypatch):
    (tmp_path / "1.png").write_bytes(PNG)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80 * 60 // 2)
    assert data.read_picture(tmp_path / "1.png").size == (80, 60)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80 * 60 // 2 - 1)
    with pytest.raises(
        CourseError, match="exceeds limit of 4798 .* save an intact or smaller copy"
    ):
        data.read_picture(tmp_path / "1.png")


def test_a_path_to_no_picture_is_named(tmp_path):
    with pytest.raises(CourseError, match="There is no picture .*none.png: check the path"):
        data.read_picture(tmp_path / "none.png")
    (tmp_path / "cats.jpg").mkdir()
    with pytest.raises(CourseError, match="There is no picture .*cats.jpg: check the path"):
        data.read_picture(tmp_path / "cats.jpg")


@pytest.mark.parametrize("shape", [(4000, 1), (1, 4000), (1, 1)])
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
