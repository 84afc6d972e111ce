"""The `shardfit` command: train, evaluate and predict from files of text.

`shardfit.cli.model_file` saves and loads the model files from Python.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the `shardfit` command on this process's arguments, and exit."""
    # Arrow's usual allocator keeps freed memory; the budget has no room for that.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        from shardfit.cli._app import shardfit
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit(
            "shardfit: error: the command line needs click; "
            'install it with: pip install "shardfit[cli]"'
        )
    shardfit()
