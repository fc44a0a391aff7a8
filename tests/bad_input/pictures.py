"""Picture files: damaged, disguised, enormous, unusual."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.data import read_picture
from tests.bad_input import Case

RED = (200, 40, 30)
NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def red(mode: str = "RGB", size: tuple[int, int] = (6, 4)) -> Image.Image:
    return Image.new("RGB", size, RED).convert(mode)


def noise(kind: str, **options) -> bytes:
    return saved(Image.fromarray(NOISE), kind, **options)


def chunk(name: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def png(width: int, height: int, *chunks: bytes, bits: int = 8, color: int = 2) -> bytes:
    """A PNG file by hand, whose header may lie."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", header), *chunks, chunk(b"IEND", b"")])


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def floats(value: float) -> bytes:
    pixels = np.full((4, 6), 90.0, np.float32)
    pixels[1, 1] = value
    return saved(Image.fromarray(pixels), "TIFF")


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


TEXT_BOMB = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9))
JPEG, PNG = noise("JPEG"), noise("PNG")
SIZE_IN_JPEG = struct.pack(">HH", 60, 80)

DAMAGED = {
    "no bytes.jpg": b"",
    "one byte.jpg": b"\xff",
    "JPEG magic alone.jpg": b"\xff\xd8\xff\xe0",
    "PNG magic alone.png": b"\x89PNG\r\n\x1a\n",
    "text.jpg": b"this is a picture of a cat",
    "web page.jpg": b"<!DOCTYPE html><title>404</title>",
    "PDF.jpg": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "SVG.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "film.jpg": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "zip archive.jpg": b"PK\x05\x06" + bytes(18),
    "pickle.png": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07nothing\x94.",
    "array of NumPy.png": b"\x93NUMPY\x01\0v\0{'descr': '<f4', 'shape': (2, 2)}",
    "zeros.bmp": bytes(5000),
    "JPEG cut in half.jpg": JPEG[: len(JPEG) // 2],
    "JPEG without its end.jpg": JPEG[:-200],
    "PNG cut in half.png": PNG[: len(PNG) // 2],
    "PNG without pixels.png": png(5, 5),
    "GIF cut in half.gif": noise("GIF")[:900],
    "BMP cut in half.bmp": noise("BMP")[:7000],
    "WebP cut in half.webp": noise("WEBP")[:700],
    "TIFF cut in half.tif": noise("TIFF")[:7000],
    "PNG with a wrong checksum.png": flipped(PNG, len(PNG) - 20),
    "PNG with noise for pixels.png": png(80, 60, chunk(b"IDAT", NOISE.tobytes()[:900])),
    "PNG of no width.png": png(0, 5, chunk(b"IDAT", zlib.compress(b""))),
    "PNG of an unknown kind.png": png(5, 5, chunk(b"IDAT", zlib.compress(bytes(80))), color=5),
    "PNG that says 100,000 x 100,000.png": png(100_000, 100_000, chunk(b"IDAT", b"")),
    "PNG that says 2 billion wide.png": png(2**31 - 1, 1, chunk(b"IDAT", b"")),
    "JPEG that says 65,535 x 65,535.jpg": replaced(JPEG, SIZE_IN_JPEG, b"\xff\xff\xff\xff"),
    "JPEG that says 0 x 0.jpg": replaced(JPEG, SIZE_IN_JPEG, bytes(4)),
    "GIF that says 65,535 x 65,535.gif": b"GIF89a" + b"\xff" * 4 + b"\0\0\0;",
    "BMP that says a billion.bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 10**9,
                                                     10**9, 1, 24, 0, 0, 0, 0, 0, 0),
    "PNG with 100 MB of text.png": png(5, 5, TEXT_BOMB),
    "TIFF with NaN.tif": floats(float("nan")),
    "TIFF with an infinite pixel.tif": floats(float("inf")),
    "TIFF whose tags lie.tif": b"II*\0\x08\0\0\0\xff\xff" + bytes(range(200)),
}  # fmt: skip

WHITE = (255, 255, 255)
DEEP = np.full((4, 6), 257 * 90, np.uint16)
UNUSUAL = {  # the colour that the first pixel must have
    "CMYK.jpg": (saved(red("CMYK"), "JPEG"), RED),
    "CMYK.tif": (saved(red("CMYK"), "TIFF"), RED),
    "grey.jpg": (saved(Image.new("L", (6, 4), 90), "JPEG"), (90, 90, 90)),
    "black and white.png": (saved(Image.new("1", (6, 4), 1), "PNG"), WHITE),
    "16 bits.png": (saved(Image.fromarray(DEEP), "PNG"), (90, 90, 90)),
    "16 bits.tif": (saved(Image.fromarray(DEEP), "TIFF"), (90, 90, 90)),
    "floats.tif": (floats(90), (90, 90, 90)),
    "palette.png": (saved(red("P"), "PNG"), None),
    "palette with transparency.png": (
        saved(red("P"), "PNG", transparency=red("P").getpixel((0, 0))), WHITE),
    "transparent RGB.png": (saved(red(), "PNG", transparency=RED), WHITE),
    "transparent grey.png": (saved(Image.new("LA", (6, 4), (9, 0)), "PNG"), WHITE),
    "half transparent.webp": (saved(Image.new("RGBA", (6, 4), (0, 0, 0, 0)), "WEBP"), WHITE),
    "animated.gif": (
        saved(red(), "GIF", save_all=True, append_images=[Image.new("RGB", (6, 4))] * 3), RED),
    "animated.webp": (
        saved(red(), "WEBP", save_all=True, append_images=[Image.new("RGB", (6, 4))] * 3), RED),
    "animated.png": (
        saved(red(), "PNG", save_all=True, append_images=[Image.new("RGB", (6, 4))] * 3), RED),
    "several pages.tif": (
        saved(red(), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))]), RED),
    "orientation 99.jpg": (saved(red(), "JPEG", exif=exif(99)), RED),
    "orientation 0.jpg": (saved(red(), "JPEG", exif=exif(0)), RED),
    "EXIF nonsense.jpg": (saved(red(), "JPEG", exif=b"Exif\0\0" + bytes(range(255))), RED),
    "EXIF cut.jpg": (saved(red(), "JPEG", exif=exif(6)[:16]), RED),
    "colour profile nonsense.jpg": (saved(red(), "JPEG", icc_profile=b"nonsense"), RED),
    "progressive.jpg": (saved(red(), "JPEG", progressive=True), RED),
    "junk after the end.jpg": (saved(red(), "JPEG") + bytes(range(256)) * 9, RED),
    "two JPEGs in one.jpg": (saved(red(), "JPEG") + JPEG, RED),
    "PNG by another name.jpg": (saved(red(), "PNG"), RED),
    "NO ENDING": (saved(red(), "PNG"), RED),
    "name with ünïcödé and  spaces.png": (saved(red(), "PNG"), RED),
    "one pixel.png": (saved(red(size=(1, 1)), "PNG"), RED),
    "one pixel high.png": (saved(red(size=(5000, 1)), "PNG"), RED),
    "one pixel wide.gif": (saved(red(size=(1, 5000)), "GIF"), RED),
}  # fmt: skip


def near(picture: Image.Image, color: tuple | None) -> bool:
    """RGB, not empty, and of this colour in its corner; JPEG changes colours a little."""
    pixels = np.asarray(picture, dtype=int)
    whole = picture.mode == "RGB" and pixels.ndim == 3 and pixels.size > 0
    return whole and (color is None or bool(abs(pixels[0, 0] - color).max() <= 6))


def read(name: str, data: bytes):
    def act(folder: Path) -> Image.Image:
        (folder / name).write_bytes(data)
        return read_picture(folder / name)

    return act


def looks_right(name: str, data: bytes, color: tuple | None):
    return lambda folder: near(read(name, data)(folder), color)


def folder_named_like_a_picture(folder: Path) -> None:
    (folder / "cats.jpg").mkdir()
    read_picture(folder / "cats.jpg")


def link_to_itself(folder: Path) -> None:
    os.symlink(folder / "loop.jpg", folder / "loop.jpg")
    read_picture(folder / "loop.jpg")


def link_to_nothing(folder: Path) -> None:
    os.symlink(folder / "gone.jpg", folder / "link.jpg")
    read_picture(folder / "link.jpg")


CASES = [Case(name, read(name, data), name) for name, data in DAMAGED.items()]
CASES += [Case(name, looks_right(name, *what)) for name, what in UNUSUAL.items()]
CASES += [
    Case("a folder named cats.jpg", folder_named_like_a_picture, "cats.jpg"),
    Case("a link to itself", link_to_itself, "loop.jpg"),
    Case("a link to nothing", link_to_nothing, "link.jpg"),
    Case("no file", lambda folder: read_picture(folder / "none.png"), "none.png"),
]
