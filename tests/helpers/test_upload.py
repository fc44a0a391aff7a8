"""Uploads: what is a picture is kept in its class, what is not is told, and nothing is lost."""

import io
import zipfile
from datetime import datetime

import numpy as np
import pytest
from PIL import Image
from traitlets import Bunch

from helpers import CourseError, collection, upload
from tests.conftest import SMALL, draw_classes, is_a_sentence


def encoded(seed=0, kind="JPEG", **options) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as box:
        for name, contents in members.items():
            box.writestr(name, contents)
    return buffer.getvalue()


def found(folder) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_a_picture_is_kept_byte_for_byte_in_the_folder_of_its_class(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    contents = encoded(exif=exif)
    file = upload.keep(tmp_path / "own", " cup ", "IMG_1.jpg", contents)
    assert file == tmp_path / "own" / "cup" / "IMG_1.jpg" and file.read_bytes() == contents


def test_a_file_of_the_same_name_stays_and_the_same_picture_is_kept_once(tmp_path):
    first, second = encoded(1), encoded(2)
    for contents in (first, second, first, second):
        upload.keep(tmp_path, "cup", "image.jpg", contents)
    assert found(tmp_path) == {"cup/image.jpg", "cup/image-2.jpg"}
    assert (tmp_path / "cup" / "image.jpg").read_bytes() == first


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"%PDF-1.4",
        b"\0\0\0\x18ftypmp42" + bytes(99),
        b"\0\0\0\x18ftypheic" + bytes(99),
        encoded()[:300],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["nothing", "pdf", "video", "heic", "half", "svg"],
)
def test_what_is_no_picture_is_refused_in_one_sentence(tmp_path, contents):
    (said,) = upload.add(tmp_path, "cup", "a.jpg", contents)
    assert said.startswith("a.jpg: ") and is_a_sentence(said)
    assert not found(tmp_path)


def test_what_an_iphone_saves_is_refused_with_what_to_do():
    with pytest.raises(CourseError, match="let the phone save JPEG"):
        upload.decode(b"\0\0\0\x18ftypheic" + bytes(99))


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "..\\b", "C:", ".git", "x" * 61, "\n"])
def test_a_class_that_cannot_be_a_folder_is_refused_in_one_sentence(tmp_path, name):
    with pytest.raises(CourseError, match="name") as caught:
        upload.keep(tmp_path / "own", name, "a.jpg", encoded())
    assert is_a_sentence(str(caught.value)) and not found(tmp_path)


@pytest.mark.parametrize("name", ["../../evil.jpg", "C:\\evil.jpg", "/etc/evil.jpg", "a/evil.jpg"])
def test_only_the_last_part_of_a_file_name_counts(tmp_path, name):
    upload.keep(tmp_path, "cup", name, encoded())
    assert found(tmp_path) == {"cup/evil.jpg"}


@pytest.mark.parametrize("name", ["", "..", ".hidden.jpg", "a\0b.jpg"])
def test_a_file_name_that_would_be_hidden_or_none_is_replaced(tmp_path, name):
    upload.keep(tmp_path, "杯 1", name, encoded())
    assert found(tmp_path) == {"杯 1/picture.jpg"}


def test_folders_in_a_zip_file_name_the_classes_and_stray_pictures_take_the_one_given(tmp_path):
    members = {f"mine/{k}/{n}.jpg": encoded(n) for n, k in enumerate(("cup", "spoon", "cup"))}
    members |= {"mine/3.jpg": encoded(3), "__MACOSX/mine/._3.jpg": b"x", "mine/cup/a.txt": b"two"}
    (said,) = upload.add(tmp_path, "fork", "mine.zip", zipped(members))
    assert said.startswith("a.txt: ")
    assert found(tmp_path) == {"cup/0.jpg", "spoon/1.jpg", "cup/2.jpg", "fork/3.jpg"}


def test_a_zip_file_of_pictures_alone_fills_one_class(tmp_path):
    assert upload.add(tmp_path, "cup", "a.zip", zipped({"1.jpg": encoded()})) == []
    assert found(tmp_path) == {"cup/1.jpg"}


@pytest.mark.parametrize("members", [{}, {"../evil.jpg": encoded()}])
def test_a_zip_file_that_holds_nothing_or_leads_elsewhere_is_refused(tmp_path, members):
    (said,) = upload.add(tmp_path / "own", "cup", "a.zip", zipped(members))
    assert is_a_sentence(said) and str(tmp_path) not in said and not found(tmp_path)


def test_what_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(upload, "LARGEST", 100)
    (said,) = upload.add(tmp_path, "cup", "a.jpg", encoded())
    assert is_a_sentence(said) and not found(tmp_path)


def test_the_button_keeps_what_is_uploaded_and_says_what_the_folder_holds(tmp_path, capsys):
    (name, chosen), said = (box := upload.button(tmp_path)).children[0].children, box.children[1]
    name.value = "cup"
    about = {"type": "image/jpeg", "size": 1, "last_modified": datetime(2026, 3, 2)}
    sent = enumerate((encoded(1), b"%PDF", encoded(2)))
    uploads = [Bunch(about, name=f"{n}.jpg", content=memoryview(bits)) for n, bits in sent]
    chosen.set_trait("value", uploads)
    assert found(tmp_path) == {"cup/0.jpg", "cup/2.jpg"}
    told = "".join(output["text"] for output in said.outputs) or capsys.readouterr().out
    assert "1.jpg: This is not a picture" in told and told.endswith("There are now 2 cup.\n")


def test_uploaded_classes_are_read_as_a_collection(tmp_path):
    for file in draw_classes(tmp_path / "drawn", {"cup": 3, "spoon": 2}).rglob("*.png"):
        upload.keep(tmp_path / "own", file.parent.name, file.name, file.read_bytes())
    assert str(collection.read(tmp_path / "own", SMALL)[0]) == "5 pictures: 3 cup, 2 spoon"
