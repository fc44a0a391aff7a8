"""The data sets that the book brings: the hot dogs, and small samples of two competitions."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

SETS = {  # the names of their folders here, and in the book's own list
    "hotdog": "hotdog",
    "cifar-10-tiny": "cifar10_tiny",
    "dog-breed-identification-tiny": "dog_tiny",
}


def address(name: str) -> tuple[str, str]:
    """The address of a data set's archive, and its SHA-1 as a hex digest."""
    from d2l.torch import DATA_HUB  # the book's own list; slow to import

    url, sha1 = DATA_HUB[SETS[name]]
    return url.replace("http://", "https://"), sha1


def download(name: str, folder: Path) -> Path:
    """Bring a data set of the book to `folder`, in the layout of its competition.

    The archive stays beside it. Interrupted at any point, `folder` is not there, and the next
    call goes on. Raises CourseError with what to do.
    """
    from helpers.files import archives, atomic, fetch
    from helpers.files.atomic import alone

    url, sha1 = address(name)
    archive = folder.with_name(url.rsplit("/", 1)[-1])
    fetch.download(url, archive, sha1=sha1)
    if not name.endswith("-tiny"):
        return archives.unpack(archive, folder)
    try:
        with alone(folder):
            if not folder.exists():  # unless another process was quicker
                _complete(archive, folder)
    except OSError as error:
        raise atomic.unwritable(folder, error) from None
    return folder


def _complete(archive: Path, folder: Path) -> None:
    """Unpack a small sample and add what it lacks, beside `folder`, then give it that name."""
    from helpers.files.archives import unpack

    work = folder.with_name(folder.name + ".work")
    shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
    try:
        _add_sample_submission(unpack(archive, work))
        os.replace(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _add_sample_submission(folder: Path) -> None:
    """Write the sample submission that the whole competition has, unless there is one.

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
