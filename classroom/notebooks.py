"""Runs notebooks in fresh kernels of this Python: what `run` and `grade` share."""

import atexit
import math
import os
import time
from collections.abc import Callable
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


def make_client(
    notebook: NotebookNode, folder: Path, kind: type = NotebookClient, **options: object
) -> NotebookClient:
    """Returns what executes the notebook in `folder`.

    kind: nbclient's NotebookClient or a class made from it; options: its own.
    """
    resources = {"metadata": {"path": str(folder)}}
    options = {"kernel_manager_class": ThisPython, "resources": resources} | options
    return kind(notebook, kernel_name="python3", **options)


def execute(
    client: NotebookClient,
    seconds: float = math.inf,
    memory: float = math.inf,
    watch: Callable[[], None] = lambda: None,
    **variables: str,
) -> None:
    """Runs all cells, with these environment variables; Ctrl-C ends the kernel too.

    Raises TimeoutError after so many seconds, MemoryError if one of its processes takes so many
    bytes, else what nbclient raises, or `watch`, which is called again and again.
    """
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(1) as pool:  # in the main thread nbclient would swallow Ctrl-C
        running = pool.submit(client.execute, env={**os.environ, **variables})
        try:
            while not running.done():
                if time.monotonic() > end:
                    raise TimeoutError
                watch()
                if memory < math.inf and largest(kernel_processes(client)) > memory:
                    raise MemoryError
                wait([running], timeout=0.2)  # on Windows, Ctrl-C is noticed in between
        finally:
            while not running.done():
                for process in kernel_processes(client):
                    with suppress(psutil.Error):  # it has just ended
                        process.kill()
                wait([running], timeout=0.2)
            # nbclient leaves this behind where a kernel dies early; it would fail at Python's end
            atexit.unregister(client._cleanup_kernel)
    running.result()


def kernel_processes(client: NotebookClient) -> list[psutil.Process]:
    """Returns the processes that the kernel has started, and the kernel."""
    if client.km is not None and client.km.has_kernel:
        with suppress(psutil.Error):  # it has just ended
            kernel = psutil.Process(client.km.provisioner.pid)
            return [*kernel.children(recursive=True), kernel]
    return []


def largest(processes: list[psutil.Process]) -> int:
    """Returns the memory of the largest one, in bytes; together they may share theirs."""
    sizes = [0]
    for process in processes:
        with suppress(psutil.Error):
            sizes.append(process.memory_info().rss)
    return max(sizes)
