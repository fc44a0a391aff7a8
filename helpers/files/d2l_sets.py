"""The data sets that the book brings: the hot dogs, and small samples of two competitions."""

import csv
from pathlib import Path

from helpers.files.archives import extract
from helpers.files.atomic import make_once
from helpers.files.fetch import download as download_file

SITE = "https://d2l-data.s3-accelerate.amazonaws.com/"
SETS = {  # data set: its archive and SHA-1, as in the book's list, d2l.torch.DATA_HUB
    "hotdog": ("hotdog.zip", "fba480ffa8aa7e0febbb511d181409f899b9baa5"),
    "cifar-10-tiny": ("kaggle_cifar10_tiny.zip", "2068874e4b9a9f0fb07ebe0ad2b29754449ccacd"),
    "dog-breed-identification-tiny": (
        "kaggle_dog_tiny.zip",
        "0cb91d09b814ecdc07b50f31f8dcad3e81d6a86d",
    ),
}


def download(name: str, folder: Path) -> Path:
    """Returns `folder` with a data set of the book, in the layout of its competition.

    The archive stays beside it. Interrupted at any point, `folder` is not there, and the next call
    goes on. Raises CourseError with what to do.
    """
    file, sha1 = SETS[name]
    archive = download_file(SITE + file, folder.with_name(file), sha1=sha1)

    def unpack(part: Path) -> None:
        extract(archive, part)
        if name.endswith("-tiny"):
            add_sample_submission(part)

    return make_once(folder, unpack)


def add_sample_submission(folder: Path) -> None:
    """Writes the sample submission that the whole competition has, unless there is one.

    CIFAR-10: one label for every test picture; dog breeds: the same probability for each breed.
    """
    dogs = (folder / "labels.csv").exists()
    sample = folder / ("sample_submission.csv" if dogs else "sampleSubmission.csv")
    if sample.exists():
        return
    with open(folder / ("labels.csv" if dogs else "trainLabels.csv"), encoding="utf-8") as file:
        labels = sorted({row[1] for row in list(csv.reader(file))[1:]})
    ids = [path.stem for path in (folder / "test").iterdir() if path.name[0] != "."]
    columns, values = ["label"], labels[:1]
    if dogs:
        columns, values = labels, [1 / len(labels)] * len(labels)
    with open(sample, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", *columns])
        table.writerows([i, *values] for i in sorted(ids, key=lambda i: (len(i), i)))
