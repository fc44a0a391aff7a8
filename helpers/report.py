"""What `fit` shows while it trains."""

import time

from torch import Tensor
from tqdm import tqdm


class Report:
    """A table of epochs with a progress bar under it; in a notebook it is redrawn in place."""

    HEAD = "epoch   train loss  accuracy   valid loss  accuracy   seconds"

    def __init__(self, epochs: int, quiet: bool):
        self.epochs, self.quiet, self.lines, self.handle = epochs, quiet, [], None
        self.start = self.shown = time.perf_counter()
        self.line(self.HEAD)

    def line(self, text: str) -> None:
        self.lines.append(text)
        if not self.quiet and not self._draw():
            print(text)
        self.start = time.perf_counter()

    def row(self, row: dict) -> None:
        cells = [f"{row['epoch']:5d}"]
        for part in ("train", "valid"):
            known = f"{part}_loss" in row
            cells.append(f"{row[f'{part}_loss']:12.3f}" if known else f"{'':12}")
            cells.append(f"{row[f'{part}_accuracy']:9.3f}" if known else f"{'':9}")
        self.line(f"{cells[0]} {cells[1]} {cells[2]} {cells[3]} {cells[4]} {row['seconds']:9.1f}")

    def progress(self, epoch: int, done: int, batches: int, row: Tensor) -> None:
        """row: the last batch's summed loss, right answers, examples; read only when it is shown,
        because a GPU must not wait for it."""
        now = time.perf_counter()
        if self.quiet or now - self.shown < 0.3:
            return
        loss = (row[0] / row[2]).item()
        bar = tqdm.format_meter(
            done, batches, now - self.start, ncols=70, unit=" batches", postfix=f"loss {loss:.3f}"
        )
        self._draw(f"{epoch + 1:5d}   {bar}")

    def _draw(self, bar: str = "") -> bool:
        """Show the table in a notebook; False where there is none."""
        from IPython import get_ipython
        from IPython.display import display

        if not hasattr(get_ipython(), "kernel"):
            return False
        data = {"text/plain": "\n".join([*self.lines, bar]).rstrip()}
        if self.handle:
            self.handle.update(data, raw=True)
        else:
            self.handle = display(data, raw=True, display_id=True)
        self.shown = time.perf_counter()
        return True
