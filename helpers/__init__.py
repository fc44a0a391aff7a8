"""What the lessons share: data, networks, training, figures."""

from helpers import onednn as onednn  # from now on, networks are safe from oneDNN's fault
from helpers.require import CourseError

__all__ = ["NUMBERS", "CourseError"]

# numbers of a closing table, for programs: of a kind that JupyterLab does not show to readers
NUMBERS = "application/vnd.course.numbers+json"
