"""`course.py doctor`: ten lines that name neither their owner nor a folder."""

import getpass
import re
import socket

import pytest
import torch

from classroom import doctor
from classroom.commands import parse


@pytest.fixture
def report(monkeypatch, capsys):
    """report(): the lines, on a machine without a network, by their first word."""

    def fail(*arguments, **options):
        raise OSError

    monkeypatch.setattr(socket, "create_connection", fail)

    def read() -> dict[str, str]:
        assert doctor.main(parse(["doctor"])) == 0
        lines = capsys.readouterr().out.splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    return read


def test_ten_lines_describe_the_machine_without_a_path(report, tmp_path, monkeypatch):
    (tmp_path / "hotdog").mkdir()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    lines = report()
    assert len(lines) == 10
    assert lines["torch"].startswith(torch.__version__)
    assert "photographs: hotdog" in lines["data"] and "not reached" in lines["network"]
    assert not re.search(r"[/\\]\w+[/\\]", "\n".join(lines.values()))
    assert getpass.getuser() not in re.findall(r"\w+", "\n".join(lines.values()))


def test_packages_that_differ_from_the_lock_are_named_and_a_broken_one_hides_no_line(
    report, monkeypatch
):
    versions = {"torch": "1.0+cpu", "timm": None}

    def version(name):
        found = versions.get(name, "0")
        if found is None:
            raise doctor.PackageNotFoundError
        return found

    def broken():
        raise ImportError("libcudart.so.12: cannot open /home/ada/lib")

    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setitem(doctor.LINES, "torch", broken)
    lines = report()
    assert re.search(r"torch 1\.0\+cpu \(locked: [\d.]+\)", lines["packages"])
    assert "timm is missing" in lines["packages"]
    assert lines["torch"] == "not known (ImportError)" and len(lines) == 10
