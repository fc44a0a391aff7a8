"""What all benchmarks share: the command line, rounds, results.json and the tables made from it."""

import importlib
import json

import pytest

from benchmarks import record, tables, timing

COMMANDS = ["accuracy", "gpu", "growth", "kaggle", "speed", "time_to"]
WHERE = {"date": "a date", "machine": "a machine", "software": "software"}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_benchmark_measures(name, capsys):
    benchmark = importlib.import_module(f"benchmarks.{name}")
    with pytest.raises(SystemExit, match="0"):
        benchmark.main(["--help"])
    text = capsys.readouterr().out
    assert f"usage: python -m benchmarks.{name}" in text
    assert benchmark.__doc__.splitlines()[0] in text


def test_a_part_that_does_not_exist_is_refused(capsys):
    parser = record.command("some", "What it measures.", ["one", "two"])
    assert parser.parse_args(["two"]).parts == ["two"]
    assert parser.parse_args([]).parts == ["one", "two"]
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["three"])
    assert "'three' is none of one, two" in capsys.readouterr().err


def test_each_round_starts_with_another_method():
    order = []
    methods = {name: lambda name=name: order.append(name) or len(order) for name in "abc"}
    rows = timing.take_turns(methods, 4)
    assert "".join(order) == "abcbcacababc"
    assert [list(row) for row in rows] == [["a", "b", "c"]] * 4
    assert timing.summary(rows)["a"] == [7, 1, 10]  # the median of 1, 6, 8 and 10


def test_a_kept_value_stands_beside_the_others_and_the_pages_follow(tmp_path, monkeypatch):
    file, page = tmp_path / "results.json", tmp_path / "README.md"
    results = record.read()
    file.write_text(json.dumps(results), encoding="utf-8")
    page.write_text("above\n<!-- accuracy -->\n<!-- end of accuracy -->\nbelow\n", encoding="utf-8")
    monkeypatch.setattr(record, "FILE", file)
    monkeypatch.setattr(record, "PAGES", (page,))
    record.keep(file, "accuracy", ["07_new"], {"seconds": 60, "a method": 0.125}, data="A few")
    kept = record.read(file)
    assert kept["accuracy"]["results"].pop("07_new")["a method"] == 0.125
    for name, result in results.items():
        assert kept[name]["results"] == result["results"]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("above\n") and text.endswith("below\n")
    assert "| 07 | a method | 0.125 | 1 |" in text and "\nA few; lesson 01 " in text


def test_another_file_for_the_results_leaves_the_pages(tmp_path, capsys):
    pages, quantity = [page.read_bytes() for page in record.PAGES], "dog breeds, test accuracy"
    record.keep(tmp_path / "other.json", "kaggle", [quantity], [0.5, 0.5, 0.5, 1])
    record.show(tmp_path / "other.json", "kaggle")
    assert f"| {quantity} | 0.500 | 1 |" in capsys.readouterr().out
    assert [page.read_bytes() for page in record.PAGES] == pages


@pytest.mark.parametrize("page", record.PAGES, ids=["the course's", "the benchmarks'"])
def test_the_pages_quote_results_json(page):
    text = page.read_text(encoding="utf-8")
    assert tables.with_tables(text, record.read()) == text
    marks = ["headlines"] if page == record.PAGES[0] else record.read()
    assert all(f"<!-- {mark} -->\n|" in text for mark in marks)


def test_the_recipe_is_level_with_a_linear_probe_on_photographs():
    found = record.read()["accuracy"]["results"]["recipe"]
    for count in (20, 50, 200, 1000):
        ours, probe = (
            found[f"{count} per class: {method}"]
            for method in ("LP-FT averaged with the probe", "linear probe")
        )
        assert abs(ours - probe) <= 0.003


def test_the_table_of_times_says_what_was_not_reached():
    def run(reached, *epochs):
        return {"reached": reached, "epochs": epochs, "threads": 1, "minutes": 5}

    methods = {
        "ours": run(True, (10.0, 0.2, 0.95)),
        "d2l": run(False, (300.0, None, 0.7), (500.0, None, 0.8)),
        "plain": run(True, (100.0, 0.3, 0.94)),
    }
    lines = tables.time_table({"results": {"hotdog": methods}} | WHERE).splitlines()
    assert lines[3].endswith("| d2l | not within 500 s | 2 | 0.800 | 5 | under 0.020 |")
    assert lines[4].endswith("| plain | 100 s | 1 | 0.30, 0.940 | 5 | 0.100 |")


def test_the_tables_of_a_gpu_show_every_precision_and_number_of_epochs():
    share = "fit over it, batches made on the GPU"
    rate = {"ceiling, pictures/s": [800.4, 790, 810], share: [0.951, 0.94, 0.96]}
    run = {"s": [2.5, 2.0, 3.0], "accuracy": [0.941, 0.94, 0.942], "n": 3}
    parts = {"fit": {"no": {"resnet18": rate}}, "cifar-10": {"bf16": {"16 epochs": run}}}
    lines = tables.gpu_table({"results": parts} | WHERE).splitlines()
    assert "| resnet18 | full | 800 (790 to 810) |  | 0.95 (0.94 to 0.96) |" in lines
    assert "| 16 epochs | half | 2.5 (2.0 to 3.0) | 0.9410 (0.9400 to 0.9420) | 3 |" in lines
