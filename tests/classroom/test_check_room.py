"""`course.py check-room`: one line of verdict, which names what is missing."""

import shutil

import pytest

from classroom import check_room


@pytest.fixture
def room(monkeypatch):
    monkeypatch.setattr(check_room, "lesson", lambda: "")
    monkeypatch.setenv("COURSE_CLASS", "")
    return monkeypatch


def verdict(capsys) -> tuple[int, str]:
    status = check_room.main(None)
    return status, capsys.readouterr().out.splitlines()[-1]


def test_a_computer_that_has_all_is_ready(room, capsys):
    room.setattr(check_room, "DISK_GB", 0)
    assert verdict(capsys) == (0, "Ready: a class can begin.")


def test_what_is_missing_is_named_in_the_verdict(room, capsys):
    full = shutil._ntuple_diskusage(10**12, 10**12, 2 * 10**8)
    room.setattr(check_room.shutil, "disk_usage", lambda folder: full)
    room.setattr(check_room, "MEMORY_GB", 10**6)
    room.setenv("COURSE_CLASS", "127.0.0.1:9")
    status, line = verdict(capsys)
    assert status == 1 and line.startswith("Not ready: only 0.2 GB of disk are free: make it 1; ")
    assert "memory are too few" in line and line.endswith(
        "no class answers at 127.0.0.1:9: start it, or correct COURSE_CLASS."
    )


@pytest.mark.parametrize("address", ["http://[", "127.0.0.1:x", "http://", "a class"])
def test_what_is_no_address_is_told_like_a_class_that_does_not_answer(room, address):
    room.setenv("COURSE_CLASS", address)
    assert check_room.network().endswith("start it, or correct COURSE_CLASS")


@pytest.mark.slow
def test_lesson_00_is_run_and_nothing_is_saved(capsys):
    before = check_room.find_lessons([])[0].read_bytes()
    assert check_room.lesson() == "" and "lesson 00: ran in" in capsys.readouterr().out
    assert check_room.find_lessons([])[0].read_bytes() == before
