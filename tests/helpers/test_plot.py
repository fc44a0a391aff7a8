"""Figures and tables: described for people who cannot see them, and nothing left open."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.text import Text
from PIL import Image
from sklearn.metrics import confusion_matrix

from helpers import NUMBERS, CourseError, plot
from helpers.train import History
from tests.conftest import is_a_sentence

ROW = {"train_loss": 0.5, "train_accuracy": 0.75, "valid_loss": 0.4, "valid_accuracy": 0.8}
HISTORY = History(
    [{"epoch": 1, **ROW}, {"epoch": 2, **ROW, "valid_accuracy": 0.9}],
    [{"epoch": i / 4, "loss": 1 / i, "accuracy": 0.5} for i in range(1, 9)],
)
ALL_B = torch.tensor([[0.0, 1.0]] * 22)  # what a network may say about the pictures
FIGURES = {
    "a grid": lambda pictures: plot.image_grid([p for p, _ in pictures], ["a title"] * 22),
    "curves": lambda pictures: plot.learning_curves({"one": HISTORY, "two": HISTORY}),
    "confusion": lambda pictures: plot.confusion(
        pictures.labels, ALL_B.argmax(1), pictures.class_names
    ),
    "mistakes": lambda pictures: plot.mistakes(pictures, ALL_B),
    "a spread": lambda pictures: plot.spread({"before": [0.4, 0.5], "after": [0.9]}, "accuracy"),
}


@pytest.mark.trap("figures that leak")
@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_a_picture_with_a_description_and_leaves_none_open(pictures, figure):
    before = pyplot.get_fignums()
    drawing = FIGURES[figure](pictures)
    assert pyplot.get_fignums() == before
    assert len(drawing.description) > 15
    shown = drawing._repr_html_()
    assert f'alt="{drawing.description[:9]}' in shown
    picture = Image.open(io.BytesIO(base64.b64decode(shown.split("base64,")[1].split('"')[0])))
    assert drawing.width == picture.width // 2 < 800
    assert np.asarray(picture.convert("L")).std() > 5


def test_a_description_cannot_break_out_of_its_attribute(pictures):
    drawing = plot.image_grid([pictures[0][0]], ['"><script>'])
    assert "<script>" not in drawing._repr_html_()


def test_the_confusion_matrix_is_that_of_scikit_learn():
    labels, said = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 2, 0, 2])
    words = plot.confusion(labels, said, ["a", "b", "c"]).description
    counts = confusion_matrix(labels, said)
    for row, is_ in enumerate("abc"):
        for column, called in enumerate("abc"):
            phrase = f"{counts[row, column]} of {is_} called {called}"
            assert (phrase in words) == (counts[row, column] > 0)
    assert words.startswith(f"Confusion matrix: {np.trace(counts)} of 6 pictures are right. 1 of a")


def test_a_confusion_matrix_names_the_largest_confusions_first():
    labels, said = [0] * 9 + [1] * 6 + [2] * 4, [0] * 6 + [1] * 3 + [2] * 5 + [1] + [2] * 4
    words = plot.confusion(labels, said, ["a", "b", "c"]).description
    wrong = "5 of b called c, 3 of a called b, "
    assert words.endswith(f"{wrong}6 of a called a, 4 of c called c, 1 of b called b.")


def test_the_largest_confusions_of_many_classes_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels, said = rng.integers(0, 120, 3000), rng.integers(0, 120, 3000) // 2
    names = [f"breed number {i}" for i in range(120)]
    drawing = plot.confusion(labels, said, names)
    counts = confusion_matrix(labels, said, labels=range(120))
    right = int(np.trace(counts))
    np.fill_diagonal(counts, 0)
    accuracy, largest = drawing.description.rstrip(".").split(" confusions: ")
    assert accuracy.startswith(f"{right} of 3000 pictures are right")
    told = largest.split(", ")
    assert [int(words.split()[0]) for words in told] == sorted(counts.flat)[::-1][:20]
    for words in told:
        row, column = (names.index(name) for name in words.partition(" of ")[2].split(" called "))
        assert f"{counts[row, column]} of" in words
    assert drawing.width < 1600


@pytest.mark.parametrize("k, cells", [(30, 900), (31, 0), (1000, 0)])
def test_a_confusion_matrix_of_any_size_and_names_of_any_length_fit_a_screen(k, cells, monkeypatch):
    drawn = []
    text = plot.Figure.subplots
    monkeypatch.setattr(plot.Figure, "subplots", lambda self: drawn.append(text(self)) or drawn[0])
    drawing = plot.confusion(range(k), [0] * k, [f"{i}{'W' * 3000}" for i in range(k)])
    assert len(drawn[0].texts) == cells and drawing.width < 1600 and len(drawing.data) < 2e6


ODD = [
    "蜜蜂 $犬",
    "$x^2$ or $",
    "_hidden",
    r"\$\frac{a$",
    "caf\udce9",
    "two\nlines\t",
    "🐝",
    "",
    "W" * 3000,
]


@pytest.mark.trap("names that matplotlib takes for something else")
@pytest.mark.filterwarnings("error", "ignore::ResourceWarning")  # left by other tests
@pytest.mark.parametrize("name", ODD)
def test_a_name_with_odd_letters_is_drawn_without_a_warning(pictures, name):
    net_says = torch.tensor([[0.0, 1.0]] * 22)
    pictures.class_names = [name, "b"]
    many = [name, *map(str, range(31))]
    drawings = [
        plot.image_grid([pictures[0][0]], [name]),
        plot.learning_curves({name: HISTORY, "b": HISTORY}),
        plot.confusion(pictures.labels, net_says.argmax(1), pictures.class_names),
        plot.confusion(pictures.labels, net_says.argmax(1), many),
        plot.mistakes(pictures, net_says),
        plot.spread({name: [0.4, 0.5], "b": [0.9]}, name),
    ]
    for drawing in drawings:
        assert drawing.width < 1600 and drawing._repr_html_().encode()
        assert drawing.description and len(drawing.description) < 5000


@pytest.mark.parametrize("name", ["$x^2$", "a $ b $", r"\$5"])
def test_a_dollar_is_drawn_as_it_stands(name):
    drawn = Text(text=plot.label(name))
    assert drawn._preprocess_math(drawn.get_text()) == (name.replace(r"\$", r"\$"), False)


def test_a_run_whose_name_begins_with_an_underscore_is_in_the_legend(monkeypatch):
    figures = []
    monkeypatch.setattr(
        plot, "Drawing", lambda figure, description: figures.append(figure) or description
    )
    plot.learning_curves({"_first": HISTORY})
    assert len(figures[0].axes[-1].get_legend().texts) == 2


def test_a_grid_says_how_many_pictures_have_each_title(pictures):
    shown = [pictures[0][0]] * 5
    words = plot.image_grid(shown, ["bee\n90%", "ant", "", "bee\n90%", "bee\n90%"]).description
    assert words == "5 pictures: 3 × bee 90%; ant"


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK"])
def test_a_grid_shows_the_colours_of_a_pillow_image_of_any_mode(mode):
    grey = Image.new("RGB", (40, 40), (90, 90, 90))
    shown = plot.image_grid([grey.convert(mode, dither=Image.Dither.NONE)])
    drawn = np.asarray(Image.open(io.BytesIO(shown.data)).convert("RGB")).astype(int)
    middle = drawn[drawn.shape[0] // 2, drawn.shape[1] // 2]
    assert abs(middle - (0 if mode == "1" else 90)).max() <= 14


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_a_grid_takes_tensors_of_any_type_with_values_in_range(kind):
    value = 0.5 if kind.is_floating_point else 128
    shown = plot.image_grid([torch.full((3, 40, 40), value, dtype=kind)])
    drawn = np.asarray(Image.open(io.BytesIO(shown.data)).convert("RGB")).astype(int)
    assert abs(drawn[drawn.shape[0] // 2, drawn.shape[1] // 2] - 128).max() <= 4


def test_mistakes_shows_the_worst_first_and_nothing_that_is_right(pictures):
    confidence = torch.linspace(0.6, 0.9, 22)
    probabilities = torch.stack([confidence, 1 - confidence], 1)  # "a" each time
    drawing = plot.mistakes(pictures, probabilities, n=2)
    assert drawing.description.startswith("2 of 11 mistakes among 22 pictures")
    assert drawing.description.index("90%") < drawing.description.index("89%")
    right = torch.eye(2)[pictures.labels]
    assert plot.mistakes(pictures, right) == "No mistake among 22 pictures."


def test_curves_of_a_run_without_validation_or_without_a_whole_epoch_are_drawn():
    rows = [{k: v for k, v in HISTORY.epochs[0].items() if "valid" not in k}]
    for history in (History(rows, HISTORY.steps), History([], HISTORY.steps[:2]), History()):
        assert plot.learning_curves({"run": history}).data


@pytest.fixture
def drawn(monkeypatch):
    """The axes of the figures that a test draws; of a figure, its words are returned."""
    axes = []

    def finish(figure, words):
        figure.draw_without_rendering()
        axes.extend(figure.axes)
        return words

    monkeypatch.setattr(plot, "Drawing", finish)
    return axes


def test_curves_against_an_axis_pass_through_the_means_and_show_every_value(drawn):
    curves = {"probe": {20: [0.8, 0.9], 5: [0.6]}, "scratch": {5: [0.5]}}
    words = plot.against(curves, "pictures", "accuracy", log=True, level=0.5)
    (ax,) = drawn
    lines = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert lines["probe"] == [[5, 0.6], [20, pytest.approx(0.85)]]
    points = [p for line in ax.lines for p in line.get_xydata().tolist() if line.get_ls() == "None"]
    assert points == [[20, 0.8], [20, 0.9]]
    assert "probe: 0.60 at 5, 0.85 at 20 (0.80 to 0.90); scratch: 0.50 at 5" in words


@pytest.mark.parametrize("log", [True, False])
def test_every_value_and_the_named_level_lie_within_the_axes(drawn, log):
    curves = {"a": {1: [0.6, 0.9], 4: [0.7]}, "b": {1: [0.8], 4: [0.75, 0.97]}}
    words = plot.against(curves, "x", "y", log=log, level=0.33, level_name="an even guess")
    (ax,) = drawn
    low, high = ax.get_ylim()
    assert low < 0.33 and high > 0.97
    assert ax.get_legend().texts[-1].get_text() == "an even guess"
    assert words.endswith("dotted line, an even guess: 0.33.")


def test_single_values_of_two_methods_at_one_place_do_not_hide_each_other(drawn):
    plot.against({"a": {1: [0.6, 0.8], 2: [0.7]}, "b": {1: [0.6, 0.8]}}, "x", "y")
    (ax,) = drawn
    dots = [line for line in ax.lines if line.get_ls() == "None"]
    left, right = (line.get_transform().transform((1, 0.6))[0] for line in dots)
    assert left < ax.transData.transform((1, 0.6))[0] - 2 < right - 4


@pytest.mark.parametrize("log", [True, False])
def test_ticks_stand_where_something_was_measured_and_do_not_overlap(drawn, log):
    few, many = {5: [1], 6: [1], 40: [1]}, {place: [1] for place in range(1, 30)}
    plot.against({"a": few}, "x", "y", log=log)
    plot.against({"a": many}, "x", "y", log=log)
    ticks = [[tick.get_text() for tick in ax.get_xticklabels()] for ax in drawn]
    assert ticks[0] == (["5", "40"] if log else ["5", "6", "40"])
    assert len(ticks[1]) < 10


def test_a_spread_shows_equal_values_above_one_another_and_its_numbers_in_a_column(drawn):
    plot.spread({"a": [0.4, 0.4, 0.5], "b": [0.9]}, "accuracy")
    (ax,) = drawn
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b"]
    assert [text.get_text() for text in ax.texts] == ["0.433 ± 0.058, 3 seeds", "0.900"]
    assert len({text.get_position()[0] for text in ax.texts}) == 1
    first, second, third = ax.lines[0].get_xydata().tolist()
    assert first[0] == second[0] and abs(first[1] - second[1]) > 0.1 and third == [0.5, 0]


def test_the_axis_of_a_spread_can_be_logarithmic(drawn):
    plot.spread({"a": [0.5, 4], "b": [2]}, "loss", log=True)
    (ax,) = drawn
    assert {"0.5", "1", "2"} <= {tick.get_text() for tick in ax.get_xticklabels()}


def test_the_closing_table_gives_mean_spread_and_the_numbers_as_json(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    plot.closing_table({"fine-tuned": [0.9, 0.92, 0.97], "one <class>": [0.5]})
    table, numbers = shown[0]["text/html"], shown[0][NUMBERS]
    assert re.findall(r"<td>(.*?)</td>", table) == ["0.930", "0.036", "3", "0.500", "", "1"]
    assert "one &lt;class&gt;" in table
    assert json.loads(json.dumps(numbers)) == {
        "fine-tuned": 0.93,
        "fine-tuned, standard deviation": 0.0361,
        "fine-tuned, seeds": 3,
        "one <class>": 0.5,
    }


def test_the_closing_table_shows_what_its_rows_were_on_photographs(monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    monkeypatch.setattr(plot, "RESULTS", tmp_path / "results.json")
    measured = {"tuned": 0.95, "tuned, standard deviation": 0.004, "tuned, seeds": 3, "named": 0.8}
    results = {"accuracy": {"results": {"01_a": measured}}}
    for text in (json.dumps(results), ""):
        if text:
            plot.RESULTS.write_text(text)
        else:
            plot.RESULTS.unlink()  # a copy of the course without benchmarks
        plot.closing_table({"tuned": [0.9, 0.9], "named": [0.7], "new": [0.6]}, photographs="01_a")
    cells = [re.findall(r"<td>(.*?)</td>", data["text/html"]) for data in shown]
    assert cells[0][3::4] == ["0.950 ± 0.004, 3 seeds", "0.800", ""]
    assert cells[1][3::4] == ["", "", ""]


def test_top_names_gives_each_pictures_most_likely_names_with_their_probabilities():
    pictures = [torch.zeros(3, 8, 8, dtype=torch.uint8)] * 2
    probabilities = torch.tensor([[0.1, 0.7, 0.2], [0.25, 0.25, 0.5]])
    drawing = plot.top_names(pictures, probabilities, ["a", "$b", "c"], k=2)
    assert "picture 1: 70% $b, 20% c; picture 2: 50% c, 25% " in drawing.description
    for wrong in (probabilities[:1], probabilities[:, :2], probabilities[0]):
        with pytest.raises(CourseError) as refusal:
            plot.top_names(pictures, wrong, ["a", "$b", "c"])
        assert is_a_sentence(str(refusal.value))
