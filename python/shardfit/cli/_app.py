"""The `shardfit` command itself: its subcommands, messages and exit codes.

0 is success, 1 is bad data or a bad model, 2 is a wrong command line, 130 is Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn

import click

__all__ = ["shardfit"]

_EXTRAS = ("matplotlib", "pyarrow", "rich", "skops")
_COMMANDS = ("train", "evaluate", "predict")
_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM


class _Shardfit(click.Group):
    """A group that imports a command when it is asked for and maps its errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"shardfit.cli._{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, **settings: Any
    ) -> NoReturn:
        """Run, print at most one line of error, and exit."""
        settings["standalone_mode"] = False
        try:
            with _warnings_in_one_line(), _terminable():
                status = super().main(args, **settings)
                if sys.stdout is not None:  # It is None if it was closed at the start.
                    sys.stdout.flush()
        except BrokenPipeError:
            _leave_stdout()
            sys.exit(1)
        except (KeyboardInterrupt, click.Abort):
            _complain("interrupted")
            sys.exit(_INTERRUPTED)
        except click.UsageError as error:
            _complain(error.format_message())
            if error.ctx is not None:
                print(f"Try: {error.ctx.command_path} --help", file=sys.stderr)
            sys.exit(error.exit_code)
        except (ImportError, MemoryError, OSError, ValueError) as error:
            _complain(_describe(error))
            _leave_stdout()
            sys.exit(1)
        sys.exit(status if isinstance(status, int) else 0)


@click.group(
    cls=_Shardfit,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="shardfit", prog_name="shardfit")
def shardfit() -> None:
    """Train text classifiers from files larger than memory, on every CPU.

    Files are Parquet, CSV or JSON lines; models are plain scikit-learn pipelines.
    """


def _complain(message: str) -> None:
    lines = (line.strip() for line in message.splitlines())
    print("shardfit: error:", *filter(None, lines), file=sys.stderr, flush=True)


def _describe(error: Exception) -> str:
    """Return what happened, where, and what to do, without Python's own marks."""
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in _EXTRAS:
            return f'this needs {package}; install it with: pip install "shardfit[cli]"'
    if isinstance(error, MemoryError):
        return "out of memory; use a smaller --n-features, --memory or --jobs"
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return place + error.strerror
    return str(error) or type(error).__name__


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = " ".join(str(message).split())
        print(f"shardfit: warning: {text}", file=sys.stderr, flush=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM, a scheduler's way to stop a job, clean up as Ctrl-C does."""

    def stop(*_: Any) -> None:
        sys.exit(_TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: the caller decides about signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave_stdout() -> None:
    """Spare Python a last flush that would fail, where nobody takes the output."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
