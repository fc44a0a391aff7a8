"""The page that collects pictures: from a phone, from a webcam, and from nobody else's page."""

import json
import threading
from http.client import HTTPConnection

import pytest
from PIL import Image

from classroom import collect
from tests.browser import LOW_CONTRAST, TOO_WIDE, needs_browser
from tests.conftest import draw_classes, is_a_sentence


@pytest.fixture
def server(tmp_path):
    server = collect.make_server(tmp_path / "own", "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def files(tmp_path):
    folder = draw_classes(tmp_path / "drawn", {"a": 4})
    return sorted(folder.rglob("*.png"))


def ask(server, body, path="/keep?class=cup&name=a.png", **headers):
    connection = HTTPConnection("127.0.0.1", server.server_port)
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_a_picture_is_kept_and_counted_and_what_is_none_is_told(server, files, tmp_path):
    contents = files[0].read_bytes()
    assert ask(server, contents) == (200, {"said": ["There are now 1 cup."]})
    assert (tmp_path / "own" / "cup" / "a.png").read_bytes() == contents
    status, told = ask(server, b"%PDF")
    assert (
        status == 200
        and is_a_sentence(told["said"][0])
        and told["said"][1] == "There are now 1 cup."
    )
    status, told = ask(server, contents, "/keep?name=a.png")
    assert "Give the class a name" in told["said"][0]


def test_pages_of_other_sites_can_keep_nothing(server, files, tmp_path):
    contents, here = files[0].read_bytes(), f"127.0.0.1:{server.server_port}"
    assert ask(server, contents, Origin="http://evil.example")[0] == 403
    assert ask(server, contents, Host="evil.example")[0] == 403
    assert ask(server, contents, "/name")[0] == 400
    assert not (tmp_path / "own").exists()
    assert ask(server, contents, Origin=f"http://{here}")[0] == 200


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_pictures_are_chosen_and_kept_in_their_class(
    browser, server, files, tmp_path, scheme
):
    (tmp_path / "none.jpg").write_bytes(b"%PDF")
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    page = browser.new_page(**phone, color_scheme=scheme)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.fill("#class", "杯 <b>1")
    page.set_input_files("#files", files[0])
    page.get_by_text("Give the class a name").wait_for()
    page.fill("#class", "杯 1")
    page.set_input_files("#files", [*files[:3], tmp_path / "none.jpg"])
    page.get_by_text("none.jpg: This is not a picture").wait_for()
    page.get_by_text("There are now 3 杯 1.").wait_for()
    page.set_input_files("[capture]", files[3])
    page.get_by_text("There are now 4 杯 1.").wait_for()
    assert len(list((tmp_path / "own" / "杯 1").iterdir())) == len(files)
    assert not page.evaluate(f"({TOO_WIDE})(document.body)")
    assert not page.evaluate(f"({LOW_CONTRAST})(document.body)")
    assert all(url.startswith(f"http://127.0.0.1:{server.server_port}/") for url in asked)
    page.close()


@needs_browser
def test_a_webcam_photographs_into_a_class(browser, server, tmp_path):
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.fill("#class", "cup")
    page.click("#camera")
    page.get_by_role("button", name="Photograph").click()
    page.get_by_text("There are now 1 cup.").wait_for()
    page.close()
    (file,) = (tmp_path / "own" / "cup").iterdir()
    with Image.open(file) as picture:
        assert picture.format == "JPEG" and min(picture.size) > 200
