"""What the lessons share: data, networks, training, figures."""

from helpers.onednn import make_safe  # from here on, networks are safe from oneDNN's fault
from helpers.require import CourseError

__all__ = ["NUMBERS", "CourseError", "make_safe"]

# numbers of a closing table, for programs: of a kind that JupyterLab does not show to readers
NUMBERS = "application/vnd.course.numbers+json"
