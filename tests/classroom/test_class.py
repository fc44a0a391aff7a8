"""The class: what students guess reaches the wall, whatever else is sent, stopped or missing."""

import http.client
import http.server
import json
import re
import socket
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

from classroom import check, judge, live, room
from classroom.commands import ROOT, find_lessons
from tests.browser import LOW_CONTRAST, TOO_WIDE, needs_browser
from tests.conftest import is_a_sentence

JSON = {"Content-Type": "application/json"}
NAME = "01 accuracy before training"
PATIENCE = live.PATIENCE


class Class:
    """`course.py class` in a process of its own, on the loopback."""

    def __init__(self, file: Path):
        self.file = file
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "classroom", "class", str(self.file), "--no-browser"]
        command += ["--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        lines = iter(self.process.stdout.readline, "")
        assert any("Ctrl+C" in line for line in lines)

    def stop(self) -> None:
        self.process.kill()  # as when the laptop's battery is empty
        self.process.communicate()

    def post(self, body: bytes | str, path: str = "/said", **headers: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as line:
            line.request("POST", path, body, JSON | headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())["sentence"]

    def say(self, person: int, *said: dict, **more: str) -> tuple[int, str]:
        return self.post(json.dumps({"person": f"{person:016x}", "said": said, **more}))

    def kept(self) -> list[tuple]:
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute("SELECT name, guess, measured, outcome FROM said").fetchall()

    def summaries(self) -> dict[str, dict]:
        """Returns what a page is told first, of each question and exercise."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as line:
            line.request("GET", "/events")
            events = iter(line.getresponse().readline, b"event: beat\n")
            told = [json.loads(event[6:]) for event in events if event.startswith(b"data: ")]
        return {summary["name"]: summary for summary in told[1:]}


@pytest.fixture
def our_class(tmp_path):
    a_class = Class(tmp_path / "class.sqlite")
    a_class.start()
    yield a_class
    a_class.stop()


@pytest.fixture
def student(monkeypatch, tmp_path):
    """student(address): a kernel in which COURSE_CLASS is set."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "build" / "progress.json"))
    monkeypatch.setattr(check, "_log", {})
    monkeypatch.setattr(live, "PATIENCE", 30)  # a busy machine may take its time
    for name, value in (("_unsent", {}), ("_sending", False), ("_trouble", ""), ("_said", "")):
        monkeypatch.setattr(live, name, value)
    return lambda address: monkeypatch.setenv("COURSE_CLASS", address)


def test_guesses_outcomes_and_measurements_of_a_notebook_are_kept(our_class, student, tmp_path):
    student(our_class.address)
    check.guess(NAME, 0.4)
    check.guess(NAME, 0.5)  # changed one's mind
    check.measured(NAME, 0.47)
    check.answer("01.1", 5)
    assert our_class.kept() == [(NAME, 0.5, 0.47, None), ("01.1", None, None, "not yet")]
    pseudonym = (tmp_path / "build" / "pseudonym.txt").read_text()
    with closing(sqlite3.connect(our_class.file)) as database:
        assert set(database.execute("SELECT person, alias FROM said")) == {(pseudonym, "")}


def test_a_notebook_without_a_class_sends_nothing(our_class, student):
    student("")
    check.guess(NAME, 0.4)
    assert our_class.kept() == [] and live._unsent == {}


def test_sixty_students_guess_at_once_and_none_is_lost(our_class):
    def guess(person: int) -> list[int]:
        numbers = ({"name": f"01 question {k}", "guess": person / 60} for k in range(5))
        return [our_class.say(person, number)[0] for number in numbers]

    with ThreadPoolExecutor(60) as pool:
        statuses = sum(pool.map(guess, range(60)), [])
    assert set(statuses) == {200} and len(our_class.kept()) == 300
    summaries = our_class.summaries()
    for k in range(5):
        assert summaries[f"01 question {k}"]["numbers"] == [person / 60 for person in range(60)]


def test_a_killed_class_starts_again_with_what_it_had(our_class):
    our_class.say(
        1, {"name": NAME, "guess": 0.5, "measured": 0.47}, {"name": "01 why", "guess": "x"}
    )
    our_class.say(2, {"name": "01.1", "outcome": "right"}, alias="Zoë")
    before = our_class.summaries()
    our_class.stop()
    our_class.start()
    assert our_class.summaries() == before
    assert [summary["people"] for summary in before.values()] == [2, 2, 2]


def test_a_guess_that_finds_no_class_is_told_once_and_sent_with_the_next(
    our_class, student, capsys
):
    student(our_class.address)
    our_class.stop()
    assert "Your guess: 0.4." in repr(check.guess(NAME, 0.4))
    check.guess("01 best", "LP-FT")
    said = capsys.readouterr().out
    assert is_a_sentence(said.strip()) and said.count("No class answers at http://127") == 1
    our_class.start()
    check.guess("01 test accuracy", 0.9)
    assert sorted(our_class.kept())[:2] == [
        (NAME, 0.4, None, None),
        ("01 best", "LP-FT", None, None),
    ]
    assert len(our_class.kept()) == 3 and capsys.readouterr().out == ""


def test_a_class_that_never_answers_does_not_hold_up_a_lesson(student, monkeypatch):
    monkeypatch.setattr(live, "PATIENCE", PATIENCE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        student(f"127.0.0.1:{silent.getsockname()[1]}")
        assert "Your guess: 0.4." in repr(check.guess(NAME, 0.4))
        assert live._sender.is_alive()  # it is still waiting
    live._sender.join()
    assert list(live._unsent) == [NAME]


@pytest.mark.parametrize(
    "address", ["a b", "file:///etc/passwd", "http://[", "http://:x", "\u2603"]
)
def test_what_is_no_address_is_told_in_a_sentence(student, capsys, address):
    student(address)
    check.guess(NAME, 0.4)
    assert is_a_sentence(capsys.readouterr().out.strip())


@pytest.mark.parametrize("page", [b"<html>Log in first</html>", b"[]", b'{"sentence": 3}'])
def test_another_server_is_not_taken_for_the_class(student, capsys, page):
    """The page that a guest network shows before it lets anybody through, for example."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        student(f"http://127.0.0.1:{server.server_port}/")
        check.guess(NAME, 0.4)
        server.shutdown()
    assert "No class answers" in capsys.readouterr().out and list(live._unsent) == [NAME]


def test_a_refused_guess_is_told_in_the_words_of_the_class_and_not_sent_again(
    our_class, student, capsys
):
    student(our_class.address)
    for _ in range(2):
        check.guess(NAME, "<script>alert(1)</script>")
    assert capsys.readouterr().out == f"The class says: {room.NO_VALUE}\n" * 2
    assert live._unsent == {} and our_class.kept() == []


def message(**record: object) -> str:
    return json.dumps({"person": "0" * 16, "said": [{"name": NAME, **record}]})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "{",
        "[" * 10_000,
        '{"person": "0000000000000000", "said": [{}]}',
        '{"person": "../../x", "said": [{"name": "01 x", "guess": 1}]}',
        '{"person": "0000000000000000", "said": []}',
        '{"person": "0000000000000000", "said": {"name": "01 x"}}',
        json.dumps({"person": "0" * 16, "alias": "<b>Eve</b>", "said": [{"name": NAME}]}),
        b"\xff\xfe",
        b"x" * 5_000_000,
        message(guess="x" * 61),
        message(guess="1" * 5000),
        message(guess=float("nan")),
        message(guess=float("inf")),
        message(guess=10**400),
        message(guess=True),
        message(guess=[0.5]),
        message(guess={"$gt": 0}),
        message(guess="<script>alert(1)</script>"),
        message(guess="<img src=x onerror=alert(1)>"),
        message(guess="&lt;b&gt;; x"),
        message(guess="'; DROP TABLE said; --"),
        message(guess="1' OR '1'='1"),
        message(guess="a\nb"),
        message(guess="\u202egnp.exe"),
        message(guess="\ud800"),
        message(guess="\x00"),
        message(guess="   "),
        message(name="<b>01</b>", guess=1),
        message(name="01 x'); DROP TABLE said", guess=1),
        message(name="accuracy", guess=1),
        message(name="01 " + "x" * 90, guess=1),
        message(name=1, guess=1),
        message(outcome="<b>right</b>"),
        message(outcome=["right"]),
    ],
    ids=lambda body: repr(body[:60]),
)
def test_bad_input_is_refused_in_a_sentence_and_nothing_of_it_is_kept(shared_class, body):
    status, sentence = shared_class.post(body)
    assert 400 <= status < 500 and is_a_sentence(sentence)
    assert shared_class.kept() == []


@pytest.fixture(scope="module")
def shared_class(tmp_path_factory):
    a_class = Class(tmp_path_factory.mktemp("class") / "class.sqlite")
    a_class.start()
    yield a_class
    a_class.stop()


@pytest.mark.parametrize("path", ["/", "/nothing", "/../etc/passwd", "/events"])
def test_other_requests_are_refused_in_a_sentence(shared_class, path):
    status, sentence = shared_class.post("{}", path)
    assert status in (404, 405) and is_a_sentence(sentence)


def test_another_site_in_a_students_browser_cannot_speak_for_them(shared_class):
    """A page may send texts and forms to other addresses, but not JSON."""
    body = message(guess=1)
    assert shared_class.post(body, **{"Content-Type": "text/plain"})[0] == 415
    assert shared_class.kept() == []


def test_what_is_right_in_a_message_is_kept_beside_what_is_refused(our_class):
    status, _ = our_class.say(1, {"name": NAME, "guess": "<b>"}, {"name": NAME, "guess": "0,9"})
    assert status == 400 and our_class.kept() == [(NAME, "0,9", None, None)]


def test_a_flood_is_refused_and_the_others_are_heard(our_class, monkeypatch):
    statuses = [our_class.say(1, {"name": NAME, "guess": k})[0] for k in range(3 * room.PER_PERSON)]
    assert statuses[: room.PER_PERSON] == [200] * room.PER_PERSON and 429 in statuses
    assert our_class.say(2, {"name": NAME, "guess": 0.5}) == (200, "")


def test_neither_many_names_nor_many_people_fill_the_disk(tmp_path, monkeypatch):
    for limit in ("PEOPLE", "PEOPLE_HERE", "NAMES"):
        monkeypatch.setattr(room, limit, 3)
    a_class = room.Room(tmp_path / "class.sqlite")

    def hear(person: int, name: str, address: str = "here") -> str:
        said = {"person": f"{person:016x}", "said": [{"name": name, "guess": 1}]}
        try:
            a_class.hear(json.dumps(said).encode(), address)
        except room.Refused as refused:
            return str(refused)
        return ""

    answers = [hear(person, "01 x", address) for person, address in enumerate("aabbb")]
    assert answers == ["", "", "", room.FULL, room.FULL]
    assert [hear(0, f"01 {k}") for k in range(3)] == ["", "", room.FULL]
    assert all(map(is_a_sentence, (room.FULL, room.TOO_FAST, room.NOT_SAVED)))


def test_a_full_disk_is_told_and_the_guess_sent_again(tmp_path):
    a_class = room.Room(tmp_path / "class.sqlite")
    pages = a_class.database.execute("PRAGMA page_count").fetchone()[0]
    a_class.database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(room.Refused, match="cannot save") as refused:
        for k in range(2000):
            said = [{"name": f"01 {k}", "guess": "x" * 60}]
            a_class.hear(json.dumps({"person": f"{k // 50:016x}", "said": said}).encode(), "here")
    assert refused.value.status in live.BUSY
    a_class.database.execute(f"PRAGMA max_page_count = {10 * pages}")
    assert len(a_class.said) == k  # what was refused is not shown as if it were kept


def test_every_question_and_exercise_of_the_lessons_can_be_sent():
    pattern = r"check\.(?:guess|measured|answer)\(\"([^\"]+)\""
    sources = [
        cell.source
        for path in find_lessons([])
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]
    names = set(re.findall(pattern, "\n".join(sources)))
    assert len(names) > 60
    assert all(room.check({"name": name, "guess": 1}) for name in names)
    assert room.STATES == (judge.NOT_YET, judge.RIGHT)


@pytest.mark.parametrize(
    "text, meant",
    [("0,9", 0.9), ("90 %", 0.9), ("85%", 0.85), ("1e-4", 1e-4), (".5", 0.5), ("1,000,000", None)]
    + [("about 0.8", None), ("Linear  Probe", "Linear Probe"), ("9e999", None), ("<0.5", None)],
)
def test_a_number_is_read_as_it_is_written_and_what_is_none_is_shown(text, meant):
    assert room.check({"name": NAME, "guess": text})["guess"] == text
    assert room.number(text) == pytest.approx(meant) if meant != "Linear Probe" and meant else True
    assert meant or room.number(text) == text


def test_words_count_together_however_they_are_written_and_outcomes_once_solved_stay(tmp_path):
    a_class = room.Room(tmp_path / "class.sqlite")
    for person, guess in enumerate(["LP-FT", "lp-ft", " LP-FT", "probe", 3]):
        said = [{"name": NAME, "guess": guess, "measured": "LP-FT"}]
        for outcome in ("right", "not yet"):
            said.append({"name": "01.1", "outcome": outcome})
        message = {"person": f"{person:016x}", "alias": "Ada" if person == 1 else "", "said": said}
        a_class.hear(json.dumps(message).encode(), "here")
    question, exercise = map(a_class.summary, (NAME, "01.1"))
    assert (question["words"], question["numbers"]) == ([("LP-FT", 3), ("probe", 1)], [3.0])
    assert (exercise["right"], exercise["tried"], exercise["who"]) == (5, 5, ["Ada"])
    assert question["measured"] is None and question["known"] == 5
    a_class.reveal(NAME)
    assert a_class.summary(NAME)["measured"] == "LP-FT"


@pytest.mark.parametrize(
    "make, words",
    [(lambda file: file.write_bytes(b"no database" * 99), "another file"), (Path.mkdir, "another")],
)
def test_a_file_that_is_no_class_is_named_in_a_sentence(tmp_path, make, words):
    make(tmp_path / "x")
    command = [sys.executable, "-m", "classroom", "class", str(tmp_path / "x"), "--no-browser"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1 and words in run.stderr and is_a_sentence(run.stderr.strip())


def test_a_port_in_use_is_named_in_a_sentence(our_class, tmp_path):
    command = [sys.executable, "-m", "classroom", "class", str(tmp_path / "y"), "--no-browser"]
    command += ["--port", str(our_class.port)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert f"Port {our_class.port} is in use: choose" in run.stderr and run.stderr.count("\n") == 1


def draw(page) -> dict[str, str]:
    """Returns what the page says."""
    return {name: page.locator(f"#{name}").inner_text() for name in ("title", "counts", "measured")}


@needs_browser
@pytest.mark.parametrize("width, height", [(1280, 720), (390, 844)], ids=["wall", "phone"])
def test_the_wall_follows_the_guesses_live_and_shows_what_was_measured_on_a_key(
    our_class, browser, width, height
):
    page = browser.new_page(viewport={"width": width, "height": height})
    errors, asked = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(our_class.address)
    page.get_by_text("Waiting for the first guess").wait_for()
    for person in range(60):
        guess = {"name": NAME, "guess": 85 if person == 7 else person / 60, "measured": 0.47}
        our_class.say(person, guess)
    page.get_by_text("60 guesses from 60 people. 1 far away: 85.").wait_for()
    assert page.locator("circle").count() == 59 and draw(page)["measured"] == ""
    page.keyboard.press("m")
    page.get_by_text("▼ measured 0.47").wait_for()
    our_class.say(1, {"name": "01 best", "guess": "LP-FT & co: <5", "measured": "lp-ft & CO: <5"})
    for person in range(20):
        our_class.say(
            person,
            {"name": "01 best", "guess": "linear probe"}
            if person > 3
            else {"name": "01.1", "outcome": "right" if person else "not yet"},
            alias="",
        )
    page.get_by_text("linear probe").wait_for()  # a third has guessed: the wall moves on
    assert page.locator(".bar").all_inner_texts()[1].split("\n")[0] == "LP-FT & co: <5"
    page.keyboard.press("m")
    page.locator(".bar.hit").wait_for()
    page.keyboard.press("ArrowLeft")
    assert draw(page)["title"] == NAME
    look(page)
    page.keyboard.press("e")
    assert page.locator(".bar").inner_text().split() == ["01.1", "3", "of", "4"]
    look(page)
    assert errors == [] and all(url.startswith(our_class.address) for url in asked)
    our_class.stop()
    page.get_by_text("No connection to the class").wait_for()
    our_class.start()
    page.get_by_text("No connection to the class").wait_for(state="hidden")
    assert page.locator(".bar").inner_text().split() == ["01.1", "3", "of", "4"]
    page.close()


def look(page) -> None:
    """All can be read, and the guesses from far away; nothing has to be scrolled to."""
    body = page.locator("body")
    assert body.evaluate(TOO_WIDE) == [] and body.evaluate(LOW_CONTRAST) == {}
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    assert page.locator("#counts").evaluate(size) >= max(18, page.viewport_size["width"] / 50)


@needs_browser
def test_a_phone_without_a_notebook_guesses_on_the_page(our_class, browser):
    our_class.say(1, {"name": NAME, "guess": 0.5})
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.route(
        "**/events",
        lambda route: route.fulfill(  # as from another computer
            content_type="text/event-stream",
            body='event: hello\ndata: {"wall": "http://x", "teacher": false}\n\n'
            f"data: {json.dumps(our_class.summaries()[NAME])}\n\n",
        ),
    )
    page.goto(our_class.address)
    page.get_by_label("Your guess").fill("0.25")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Sent: 0.25").wait_for()
    assert page.locator("#reveal").is_hidden()
    assert sorted(our_class.kept()) == [(NAME, 0.25, None, None), (NAME, 0.5, None, None)]
    assert page.locator("body").evaluate(TOO_WIDE) == []
    page.close()
