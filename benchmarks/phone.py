"""Photographs as a phone brings them, through lesson 09: from a folder to a kept network.

Folders of 5, 20 and 100 photographs per class (of the two breeds 80, which are all), turned by a
note in EXIF. One in ten is there again, at a third of its size; of hot dogs, five of 100 lie in
the other class's folder. What is planted and shown is corrected, as a reader would: the copies, and
the wrong labels among the first twenty. Kept is the probe, unless three folds find the recipe
better by more than twice the error. A draw chooses the photographs; accuracy is on others.
"""

import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.record import command, keep, show
from helpers import alike, collection, data, export, models, recipe, train
from helpers import keep as kept
from helpers.files.pictures import read_picture
from helpers.kaggle import find_answers, read_table

COUNTS, DRAWS, TESTED, SIDE = (5, 20, 100), 3, 100, 128
BREEDS, DOGS = ("beagle", "english_foxhound"), "dog-breed-identification"
TURNS = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}  # EXIF's numbers
ORIENTATION = 274
Files = dict[str, list[Path]]  # of each class


def hot_dogs() -> tuple[Files, Files]:
    """Returns the photographs to draw from, and those to test with."""
    root = data.find("hotdog", "full")
    train_files, test_files = (
        {place.name: sorted(place.iterdir()) for place in sorted((root / part).iterdir())}
        for part in ("train", "test")
    )
    return train_files, {name: files[:TESTED] for name, files in test_files.items()}


def two_breeds() -> tuple[Files, Files]:
    root = data.find(DOGS, "full")
    tables = {"train": root / "labels.csv", "test": find_answers(DOGS, "full")}
    labels = {part: read_table(table, ["id", "breed"]) for part, table in tables.items()}
    return tuple(
        {
            breed: [root / part / f"{name}.jpg" for name in table["id"][table["breed"] == breed]]
            for breed in BREEDS
        }
        for part, table in labels.items()
    )


def bring(chosen: Files, folder: Path, wrong: int, rng: np.random.Generator) -> dict[str, str]:
    """Writes a folder per class as a phone would; returns {file: its class, or "drop"} to find."""
    names, taken, planted = list(chosen), datetime(2026, 5, 1, 9), {}
    for k, (name, files) in enumerate(chosen.items()):
        for i, file in enumerate(files):
            taken += timedelta(minutes=3)
            place = f"{names[1 - k] if i < wrong else name}/IMG_{taken:%Y%m%d_%H%M%S}.jpg"
            picture, turn = read_picture(file), int(rng.choice(list(TURNS)))
            exif = Image.Exif()
            exif[ORIENTATION], exif[collection.TAKEN] = turn, f"{taken:%Y:%m:%d %H:%M:%S}"
            stored = picture.transpose(TURNS[turn]) if TURNS[turn] is not None else picture
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            stored.save(folder / place, quality=90, exif=exif)
            if i < wrong:
                planted[place] = name
            elif i >= len(files) - max(1, len(files) // 10):
                copy = place.replace("IMG", "WA")
                small = picture.resize((picture.width // 3, picture.height // 3))
                small.save(folder / copy, quality=30)
                planted[copy] = collection.DROP
    return planted


def fresh(pictures: data.Pictures) -> torch.nn.Module:
    return models.replace_head(models.load_pretrained(size=SIDE), pictures.class_names)


def probed(pictures: data.Pictures) -> torch.nn.Module:
    return train.linear_probe(fresh(pictures), data.loader(pictures, 16))


def tuned(pictures: data.Pictures) -> torch.nn.Module:
    net = fresh(pictures)
    recipe.fine_tune(net, pictures, quiet=True)
    return net


def lesson(folder: Path, planted: dict[str, str], test: Files) -> dict[str, float]:
    """Returns what a draw gives: the lesson's steps on a folder."""
    start = time.process_time()
    source = models.load_pretrained(size=SIDE)
    pictures, _ = collection.read(folder, source.preprocess)
    features, labels = train.extract_features(source, data.loader(pictures, 16))
    copies = collection.near_pairs(alike.thumbnails(pictures), 0.95)
    near = [pair for _, *pair in copies + collection.near_pairs(features, 0.85)]
    groups = alike.groups(pictures, near)
    own = collection.out_of_fold(features, labels, groups)[range(len(labels)), labels]
    names = collection.names_of(pictures)
    shown = {
        True: {names[i] for _, *pair in copies for i in pair},
        False: {names[i] for i in own.argsort()[:20].tolist()},
    }
    answers = {
        name: answer for name, answer in planted.items() if name in shown[answer == collection.DROP]
    }
    clean = collection.corrected(pictures, answers)
    kept_rows = [i for i, name in enumerate(names) if answers.get(name) != collection.DROP]
    ways = {"linear probe": probed, "recipe": tuned}
    right = {way: [] for way in ways}
    for learn, held in collection.folds(clean.labels, groups[kept_rows], 3):
        asked = data.loader(clean.subset(held), 16)
        for way, trained in ways.items():
            said = train.predict(trained(clean.subset(learn)), asked).argmax(1)
            right[way].append((said == clean.labels[held]).double())
    won = torch.cat(right["recipe"]) - torch.cat(right["linear probe"])  # picture by picture
    better = "recipe" if won.mean() > 2 * won.std() / len(won) ** 0.5 else "linear probe"
    nets = {way: trained(clean) for way, trained in ways.items()}
    export.to_onnx(kept.save(nets[better], folder.with_name("mine")))
    seconds = time.process_time() - start
    files = [(file, k) for k, name in enumerate(clean.class_names) for file in test[name]]
    tested = data.loader(
        data.read_files(*zip(*files, strict=True), clean.class_names, source.preprocess), 16
    )
    accuracy = {way: train.evaluate(net, tested)["accuracy"] for way, net in nets.items()}
    wrong = [name for name, answer in planted.items() if answer != collection.DROP]
    return {
        **accuracy,
        "kept": accuracy[better],
        "wrong labels": len(wrong),
        "of them among the first twenty": sum(name in answers for name in wrong),
        "copies": len(planted) - len(wrong),
        "of them found": len(answers) - sum(name in answers for name in wrong),
        "other pairs": len(copies) - (len(planted) - len(wrong)),
        "seconds": seconds,
    }


def measure(task: str, count: int, draws: int = DRAWS) -> dict[str, list[float]]:
    """Returns {what: values}, one per draw."""
    pool, test = {"hot dogs": hot_dogs, "two breeds of dogs": two_breeds}[task]()
    rows = []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        some = {name: rng.permutation(files)[:count].tolist() for name, files in pool.items()}
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "phone")
            planted = bring(some, folder, 5 if (task, count) == ("hot dogs", 100) else 0, rng)
            rows.append(lesson(folder, planted, test))
        print(task, count, seed, rows[-1], flush=True)
    return {what: [round(row[what], 4) for row in rows] for what in rows[0]}


def main(argv: list[str] | None = None) -> None:
    parser = command("phone", __doc__, ["hot dogs", "two breeds of dogs"], rounds=DRAWS)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    options = parser.parse_args(argv)
    for task in options.parts:
        for count in options.counts:
            row = measure(task, count, options.rounds)
            keep(options.out, "phone", [f"{task}, {count} per class"], row)
    show(options.out, "phone")


if __name__ == "__main__":
    main()
