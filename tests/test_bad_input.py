"""Whatever is handed to the course, a right result or one sentence comes back, and soon."""

import contextlib
import importlib
import signal
import time

import pytest

from helpers import CourseError
from tests import bad_input

KINDS = {
    "arguments: pictures, networks, training": "arguments",
    "arguments: competitions, figures": "competitions",
}
CASES = {
    kind: importlib.import_module(f"tests.bad_input.{file}").CASES for kind, file in KINDS.items()
}
ALL = [(kind, case) for kind, cases in CASES.items() for case in cases]
SECONDS = 15  # for one input; most take milliseconds


@contextlib.contextmanager
def limit(seconds: float):
    """Break off what takes longer, where the system can."""

    def late(*_):
        pytest.fail(f"no answer within {seconds} s")

    begin = time.perf_counter()
    known = signal.signal(signal.SIGALRM, late) if hasattr(signal, "SIGALRM") else None
    if known is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if known is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, known)
    assert time.perf_counter() - begin < seconds


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    """Nothing is left in this process, nor in the folder that it runs in."""
    for name in ("COURSE_SIZE", "COURSE_DATA", "COURSE_MIRROR", "TORCH_HOME", "COURSE_OUTCOMES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind, case", ALL, ids=[f"{kind}: {case.name}" for kind, case in ALL])
def test_bad_input_gives_the_right_result_or_one_sentence(kind, case, tmp_path, capfd):
    with limit(SECONDS):
        if case.says is None:
            assert case.act(tmp_path) is True
        else:
            with pytest.raises(CourseError) as caught:
                case.act(tmp_path)
            said = str(caught.value)
            assert case.says in said
            assert bad_input.is_a_sentence(said), said
            assert len(said) < 700
    assert "Traceback" not in capfd.readouterr().err
