"""What the lessons share: data, networks, training, figures."""

# numbers of a closing table, for programs: of a kind that JupyterLab does not show to readers
NUMBERS = "application/vnd.course.numbers+json"


class CourseError(Exception):
    """Something you can put right: one sentence that says what is wrong and what to do.

    In a notebook only that sentence is shown, without the traceback around it.
    """

    def _render_traceback_(self) -> list[str]:  # IPython calls this in place of a traceback
        return [f"CourseError: {self}"]
