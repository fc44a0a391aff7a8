"""`course.py fetch`: brings a data set or the weights of a network, and says where they are."""

import sys
from argparse import Namespace

import torch

from helpers import CourseError, data, models


def main(arguments: Namespace) -> int:
    try:
        print(fetch(arguments.name, arguments.size))
    except CourseError as error:
        sys.exit(str(error))
    return 0


def fetch(name: str, size: str) -> str:
    """Brings a data set or a network of that name and returns a sentence on where it is."""
    if name in data.SETS:
        return f"The data set {name} is in {data.find(name, size)}."
    try:
        models.load_pretrained(name)
    except CourseError as error:
        raise CourseError(f"{error} The data sets are: {', '.join(data.SETS)}.") from None
    caches = f"{torch.hub.get_dir()} or the cache of Hugging Face"
    return f"The weights of {name} are ready: in the installed packages, {caches}."
