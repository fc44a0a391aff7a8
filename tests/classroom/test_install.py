"""What is installed: the locked packages, the build of PyTorch that suits the machine."""

import functools
import hashlib
import http.server
import os
import re
import shutil
import sys
import threading
import venv
import zipfile
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import course
from classroom import install
from tests.conftest import ROOT, is_a_sentence

UV = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))
UV = UV or shutil.which("uv")
LOCK = """torch==1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
torch-more==2 ; python_version < '3.15' \\
    --hash=sha256:cc
"""


def locked() -> dict[str, list[Requirement]]:
    """Returns the versions of each package in the lock, with their markers."""
    text = re.sub(r" \\\n +--hash=\S+", "", (ROOT / "requirements.lock").read_text())
    found: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            found.setdefault(Requirement(line).name, []).append(Requirement(line))
    return found


@pytest.mark.parametrize("minor", range(course.OLDEST[1], course.TESTED[1] + 1))
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_the_lock_has_one_version_of_each_package_that_the_lists_admit(minor, system):
    lock = locked()
    here = {"python_full_version": f"3.{minor}.5", "python_version": f"3.{minor}"}
    here |= {"sys_platform": system}
    for line in install.requirements("requirements-test.txt"):
        wanted = Requirement(line)
        choices = lock[install.plain(line)]
        chosen = [c for c in choices if c.marker is None or c.marker.evaluate(here)]
        assert len(chosen) == 1, line
        (pin,) = chosen[0].specifier
        assert wanted.specifier.contains(pin.version), line


def test_every_locked_file_has_its_hash():
    text = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[\w.-]+==.*", text, re.MULTILINE)
    assert len(pins) > 150 and all(pin.endswith(" \\") for pin in pins)


def test_what_is_compiled_for_one_python_has_the_hashes_of_all_of_them():
    """A mirror that holds one file of a package gives the lock that file's hash alone."""
    entries = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text())
    hashes = {re.match(r"[\w.-]*", entry)[0]: entry.count("--hash=") for entry in entries}
    tag = re.compile(r"^Tag: cp3\d+-cp3", re.MULTILINE)
    compiled = [d.name for d in distributions() if tag.search(d.read_text("WHEEL") or "")]
    compiled = {install.plain(name) for name in compiled} & hashes.keys()
    assert len(compiled) > 20
    pythons = course.TESTED[1] - course.OLDEST[1] + 1
    assert [name for name in compiled if hashes[name] < 2 * pythons] == []


@pytest.mark.parametrize(
    "unchecked, hashes", [(None, 3), (install.TORCH, 1), (r"\S+", 0)], ids=["all", "most", "none"]
)
def test_hashes_are_left_out_only_where_another_build_has_others(
    tmp_path, monkeypatch, unchecked, hashes
):
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "BUILD", tmp_path / "build")
    (tmp_path / "requirements.lock").write_text(LOCK)
    _, name = install.constraints(set(), unchecked)
    text = (tmp_path / name).read_text()
    assert text.count("sha256") == hashes
    assert "torch==1" in text and "torch-more==2 ; python_version < '3.15'" in text


@pytest.mark.parametrize(
    "system, driver, wishes, build",
    [
        ("linux", False, "", "cpu"),
        ("linux", True, "", "auto"),
        ("linux", True, "cpu", "cpu"),
        ("linux", False, "gpu", ""),
        ("win32", False, "", ""),
        ("win32", True, "", "auto"),
        ("win32", True, "cpu", ""),
        ("darwin", False, "gpu", ""),
    ],
)
def test_the_build_of_pytorch_suits_the_machine_or_the_wish(
    monkeypatch, system, driver, wishes, build
):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    monkeypatch.setattr(shutil, "which", lambda name: "nvidia-smi" if driver else None)
    assert install.choose_build(set(wishes.split())) == build


def test_uv_gets_the_mirror_and_the_certificate_that_pip_was_given(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://mirror.example/simple\ncert = /a.pem\n"
        "[install]\nextra-index-url =\n    https://b.example\n    https://c.example\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_INDEX_URL", "https://nearer.example/simple")
    settings = install.read_pip_settings(sys.executable)
    assert settings["UV_DEFAULT_INDEX"] == "https://nearer.example/simple"
    assert settings["SSL_CERT_FILE"] == "/a.pem"
    assert "https://b.example https://c.example" in settings["UV_INDEX"]
    assert settings["UV_INDEX_STRATEGY"] == "unsafe-best-match"


@pytest.mark.parametrize(
    "complaints, sentence",
    [
        ("error: Hash mismatch for `six==1.17.0`", install.TAMPERED),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", install.TAMPERED),
        ("failed to write: No space left on device (os error 28)", install.DISK_FULL),
        ("WARNING: Retrying\nERROR: Max retries exceeded", install.NO_NETWORK),
    ],
)
def test_common_failures_of_both_installers_are_one_sentence(complaints, sentence):
    assert install.explain(complaints) == sentence
    assert is_a_sentence(sentence)


def make_wheel(folder: Path, name: str, number: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{number}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}"
        info = f"{name}-{number}.dist-info"
        wheel.writestr(f"{info}/METADATA", about)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path):
    """An index on loopback: its folder, and its address followed by a slash."""
    folder = tmp_path / "index"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def tiny(tmp_path, index, monkeypatch):
    """A course that needs nothing but `torch`, of which PyPI has one build, with its hash."""
    folder = tmp_path / "课程 A"
    wheel = make_wheel(index[0] / "pypi" / "torch", "torch", "1.0")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for stand_in in ("pip", "uv"):
        (folder / stand_in).mkdir(parents=True)
    (folder / "pip/__main__.py").touch()  # has brought uv
    (folder / "uv/__main__.py").write_text(
        f"import subprocess, sys; sys.exit(subprocess.call([{UV!r}, *sys.argv[1:]]))"
    )
    (folder / "requirements.txt").write_text("torch\n")
    (folder / "requirements.lock").write_text(f"torch==1.0 \\\n    --hash=sha256:{digest}\n")
    monkeypatch.setattr(install, "ROOT", folder)
    monkeypatch.setattr(install, "BUILD", folder / "build")
    monkeypatch.setattr(install, "WHEELS", folder / "wheels")
    for name in [n for n in os.environ if n.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index[1]}pypi")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_TORCH_INDEX", f"{index[1]}cpu")
    monkeypatch.setattr(install, "choose_build", lambda wishes: "cpu")
    venv.create(folder / ".venv", symlinks=os.name != "nt")
    return folder


def install_tiny(folder: Path) -> tuple[str, list[str]]:
    """Returns the trouble, and the versions of torch that are installed then."""
    trouble = install.install(str(folder / course.PYTHON.relative_to(course.ROOT)), {"cpu"})
    found = [path.name for path in (folder / ".venv").rglob("torch-*.dist-info")]
    return trouble, found


@pytest.mark.skipif(not UV, reason="no uv on this machine")
class TestWithUv:
    def test_pytorchs_index_gives_its_build_of_the_locked_version(self, tiny, index):
        make_wheel(index[0] / "cpu" / "torch", "torch", "1.0+cpu")
        make_wheel(index[0] / "cpu" / "torch", "torch", "2.0+cpu")
        assert install_tiny(tiny) == ("", ["torch-1.0+cpu.dist-info"])

    def test_without_that_index_the_usual_build_is_taken_and_told(self, tiny, monkeypatch, capfd):
        monkeypatch.setenv("COURSE_TORCH_INDEX", "http://127.0.0.1:9/cpu")
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        assert install_tiny(tiny) == ("", ["torch-1.0.dist-info"])
        assert install.NO_BUILD.format("cpu") in capfd.readouterr().err

    def test_another_file_than_the_locked_one_is_refused(self, tiny, monkeypatch):
        monkeypatch.setattr(install, "choose_build", lambda wishes: "")
        text = (tiny / "requirements.lock").read_text()
        (tiny / "requirements.lock").write_text(re.sub("sha256:.{8}", "sha256:" + "0" * 8, text))
        assert install_tiny(tiny) == (install.TAMPERED, [])


def test_what_is_here_stays_as_it_is_and_only_what_is_missing_is_installed(monkeypatch, tmp_path):
    """As in Colab, which brings another PyTorch."""
    (tmp_path / "requirements.txt").write_text("torch>=99\nTQDM<1  # progress\ntiny-other\n-e .\n")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\n[project.optional-dependencies]\nkaggle = ["tiny>=1"]\n'
    )
    commands = []
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "BUILD", tmp_path / "build")
    monkeypatch.setattr(install, "run", lambda command, settings: commands.append(command) or "")
    said = install.install_here()
    kept = (tmp_path / "build" / "present.txt").read_text().splitlines()
    assert commands[0][-3:] == [str(tmp_path / "build" / "present.txt"), "tiny>=1", "tiny-other"]
    assert f"torch=={version('torch')}" in kept and "nothing was replaced" in said
