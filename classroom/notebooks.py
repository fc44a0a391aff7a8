"""Runs notebooks in fresh kernels of this Python: what `run` and `grade` share."""

import math
import os
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode


class ThisPython(AsyncKernelManager):
    """Starts kernels in the Python that runs this file, whatever "python3" is elsewhere."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


def read(path: Path) -> NotebookNode:
    """Returns a notebook without its outputs."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def make_client(notebook: NotebookNode, folder: Path, **options: object) -> NotebookClient:
    """Returns what executes the notebook in `folder`; options: of nbclient's NotebookClient."""
    return NotebookClient(
        notebook,
        kernel_manager_class=ThisPython,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        **options,
    )


def execute(client: NotebookClient, seconds: float = math.inf, **variables: str) -> None:
    """Runs all cells, with these environment variables; Ctrl-C ends the kernel too.

    Raises TimeoutError after so many seconds, else what nbclient raises.
    """
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(1) as pool:  # in the main thread nbclient would swallow Ctrl-C
        running = pool.submit(client.execute, env={**os.environ, **variables})
        try:
            while not running.done() and time.monotonic() < end:
                wait([running], timeout=0.2)  # on Windows, Ctrl-C is noticed in between
            late = not running.done()
        finally:
            while not running.done():
                kill_kernel(client)
                wait([running], timeout=0.2)
    if late:
        raise TimeoutError
    running.result()


def kill_kernel(client: NotebookClient) -> None:
    """Kills the kernel and the processes that it has started."""
    if client.km is not None and client.km.has_kernel:
        with suppress(psutil.Error):  # one of them has just ended
            kernel = psutil.Process(client.km.provisioner.pid)
            for process in [*kernel.children(recursive=True), kernel]:
                process.kill()
