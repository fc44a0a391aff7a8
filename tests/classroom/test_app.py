"""The app: what it answers, whom it refuses, and how its page works in a browser on a phone."""

import io
import json
import threading
from http.client import HTTPConnection

import numpy as np
import pytest
import torch
from PIL import Image

from classroom import app, commands
from helpers import data, keep, models, train
from tests.browser import LOW_CONTRAST, TOO_WIDE, needs_browser
from tests.conftest import is_a_sentence

NAMES = ["a cup", "杯子", "<b>neither</b>/nor"]


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    torch.manual_seed(0)
    net = models.load_pretrained("mobilenet_v3_small", size=64, weights=None)
    folder = tmp_path_factory.mktemp("kept") / "mine"
    return keep.load(keep.save(models.replace_head(net, NAMES), folder, "mobilenet_v3_small"))


@pytest.fixture(scope="module")
def server(net):
    server = app.make_server(net, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def encoded(mode="RGB", size=(90, 60), kind="JPEG", **options) -> bytes:
    shape = (size[1], size[0], *([3] if mode == "RGB" else []))
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def panorama() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(buffer, "PNG")
    return buffer.getvalue()


def ask(server, body=None, path="/name", **headers):
    connection = HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET" if body is None else "POST", path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def test_the_answer_is_that_of_predict(server, net, tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # stored on its side
    contents = encoded(exif=exif)
    (tmp_path / "a.jpg").write_bytes(contents)
    status, body = ask(server, contents)
    told = json.loads(body)
    pictures = data.read_files([tmp_path / "a.jpg"], [0], NAMES, net.preprocess)
    said = train.predict(net, data.loader(pictures, 1))[0]
    assert status == 200 and told["answer"] == NAMES[said.argmax()]
    assert dict(told["names"]) == pytest.approx(
        dict(zip(NAMES, said.tolist(), strict=True)), abs=1e-4
    )
    assert told["heat"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("contents", "status"),
    [
        (b"", 400),
        (b"%PDF-1.4", 415),
        (b"\0\0\0\x18ftypmp42" + bytes(99), 415),
        (encoded()[:400], 415),
        (panorama(), 415),
        (b"\xff\xd8" + bytes(app.LARGEST), 413),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", 415),
    ],
    ids=["nothing", "pdf", "video", "half", "panorama", "too large", "svg", "eps"],
)
def test_what_is_no_picture_is_refused_in_one_sentence(server, contents, status):
    try:
        got, body = ask(server, contents)
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413  # refused before all of it was sent
        return
    assert got == status and is_a_sentence(json.loads(body)["error"])


def test_pages_of_other_sites_and_other_paths_get_nothing(server):
    assert ask(server, path="/", Host="evil.example:80")[0] == 403
    assert ask(server, encoded(), Host="evil.example")[0] == 403
    assert ask(server, path="/", Origin="http://[")[0] == 403
    assert ask(server, path="/../course.py")[0] == 404
    assert server.server_address[0] == "127.0.0.1"


def test_below_its_threshold_it_does_not_know(net, monkeypatch):
    sure = type(net.about)(**vars(net.about) | {"unsure": 1.0})
    monkeypatch.setattr(net, "about", sure)
    assert app.name(net, encoded())["answer"] == "I do not know"


def test_a_folder_without_a_network_is_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match="keeps no network") as ended:
        app.main(commands.parse(["app", str(tmp_path)]))
    assert is_a_sentence(str(ended.value))


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_a_picture_is_chosen_named_and_shown(browser, server, tmp_path, scheme):
    (tmp_path / "a.jpg").write_bytes(encoded(size=(300, 200)))
    (tmp_path / "none.jpg").write_bytes(b"%PDF")
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.set_input_files("input", tmp_path / "a.jpg")
    page.wait_for_selector("h2")
    assert page.inner_text("h2") in NAMES  # as text, never as markup
    assert page.locator("img").count() == 2
    assert page.evaluate("document.images[1].naturalWidth") == 64
    assert not page.evaluate(f"({TOO_WIDE})(document.body)")
    assert not page.evaluate(f"({LOW_CONTRAST})(document.body)")
    page.screenshot(path=tmp_path / f"{scheme}.png")
    page.set_input_files("input", tmp_path / "none.jpg")
    page.wait_for_selector("p:has-text('not a picture')")
    here = f"http://127.0.0.1:{server.server_port}/"
    assert all(url.startswith((here, "data:")) for url in asked)
    page.close()
