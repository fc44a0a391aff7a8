"""`course.py fetch`: brings a data set or the weights of a network, and says where they lie."""

import os
import sys

from course import make_parser


def main(argv: list[str]) -> int:
    arguments = make_parser().parse_args(["fetch", *argv])
    from helpers import CourseError

    try:
        print(fetch(arguments.name, arguments.size))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def fetch(name: str, size: str) -> str:
    """Bring what `name` means and return a sentence that tells where it is."""
    import torch

    from helpers import CourseError, data, models

    if name in data.SETS:
        os.environ["COURSE_SIZE"] = size  # the wish on the command line is the newest
        return f"The data set {name} lies in {data.find(name, size)}."
    try:
        models.load_pretrained(name)
    except CourseError as error:
        raise CourseError(f"{error} The data sets are: {', '.join(data.SETS)}.") from None
    caches = f"{torch.hub.get_dir()} or the cache of Hugging Face"
    return f"The weights of {name} are ready, in the installed packages, {caches}."
