"""`python -m classroom NAME ...`: runs a tool, and ends quietly on Ctrl-C, its imports included."""

import importlib
import os
import sys

try:
    status = importlib.import_module(f"classroom.{sys.argv[1]}").main(sys.argv[2:])
except KeyboardInterrupt:
    print(flush=True)
    os._exit(130)  # sys.exit would run clean-ups of kernels that are gone
sys.exit(status)
