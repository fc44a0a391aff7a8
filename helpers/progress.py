"""Progress on the screen: `fit`'s table of epochs, and a bar while batches are gone through."""

from __future__ import annotations

from collections.abc import Iterable

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm

DELAY = 0.3  # seconds before a bar appears, and between two states of it


def bar(
    batches: Iterable, n: int, *, hidden: bool = False, name: str = "", file: object = None
) -> tqdm:
    """Returns the batches; while they are gone through, a bar is shown if stderr is a terminal.

    file: takes the bar in place of stderr.
    """
    return tqdm(
        batches,
        name,
        n,
        leave=False,
        disable=True if hidden else None,  # None: unless the file is a terminal
        file=file,
        ncols=70,
        mininterval=DELAY,
        miniters=1,
        delay=DELAY,
        unit=" batches",
    )


class Report:
    """What `fit` shows: a row per epoch, and a bar under them.

    A notebook shows both in one output that is redrawn; it is the file that tqdm writes its bar to.
    Elsewhere the rows are printed.
    """

    HEAD = "epoch   train loss  accuracy   valid loss  accuracy   seconds"

    def __init__(self, quiet: bool):
        self.quiet, self.lines, self.output = quiet, [], None
        self.file = self if hasattr(get_ipython(), "kernel") else None
        self.line(self.HEAD)

    def line(self, text: str) -> None:
        self.lines.append(text)
        if self.quiet:
            return
        if self.file:
            self.write("")
        else:
            print(text)

    def row(self, row: dict) -> None:
        """Shows a row of History.epochs."""
        train = f"{row['train_loss']:12.3f} {row['train_accuracy']:9.3f}"
        valid = " " * len(train)
        if "valid_loss" in row:
            valid = f"{row['valid_loss']:12.3f} {row['valid_accuracy']:9.3f}"
        self.line(f"{row['epoch']:5d} {train} {valid} {row['seconds']:9.1f}")

    def bar(self, batches: Iterable, n: int, epoch: int) -> tqdm:
        return bar(batches, n, hidden=self.quiet, name=f"epoch {epoch}", file=self.file)

    def write(self, text: str) -> None:
        """Redraws the notebook's output: the rows, and this text, a bar, under them."""
        data = {"text/plain": "\n".join([*self.lines, text.strip()]).rstrip()}
        if self.output:
            self.output.update(data, raw=True)
        else:
            self.output = display(data, raw=True, display_id=True)

    def flush(self) -> None:
        """Does nothing: what is written is shown at once."""

    def isatty(self) -> bool:
        return True
