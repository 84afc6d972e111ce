"""Write a file whole or not at all.

The bytes go to a hidden file in the same folder, reach the disk, and only then take
the name: whoever looks sees the old file or the new one, never a part of it.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["whole_file"]


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[io.FileIO]:
    """Open `path` for writing; it appears, complete, when the block ends well.

    Parameters
    ----------
    path : path-like
        The file to create or to replace. A symbolic link stays one: the file
        that it points to is replaced.

    Yields
    ------
    io.FileIO
        An unbuffered binary file. Its write takes all bytes or raises OSError
        with `path` as the file name.

    Raises
    ------
    OSError
        If the file cannot be created, written or renamed. As with any other
        exception, Ctrl-C included, nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> from shardfit.cli._whole_file import whole_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder, "numbers.txt")
    ...     with whole_file(target) as file:
    ...         _ = file.write(b"1 2 3")
    ...         target.exists()
    ...     target.read_bytes()
    False
    b'1 2 3'
    """
    target = Path(os.path.realpath(path))
    with _naming(path):
        descriptor, temporary = tempfile.mkstemp(
            prefix=".shardfit-", suffix=".part", dir=target.parent
        )
    try:
        with _NamedFile(descriptor, path) as file:
            yield file
            with _naming(path):
                # mkstemp makes files that nobody else may read; a result is shared
                # as any other new file is, and a replaced one keeps its mode.
                os.chmod(temporary, _mode_for(target))
                os.fsync(descriptor)
        with _naming(path):
            os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(target.parent)


class _NamedFile(io.FileIO):
    """A file that writes all it is given, and says its real name when it cannot."""

    def __init__(self, descriptor: int, path: str | os.PathLike[str]) -> None:
        super().__init__(descriptor, "wb")
        self._path = path

    def write(self, data: Any, /) -> int:
        rest = memoryview(data).cast("B")
        n_bytes = len(rest)
        with _naming(self._path):
            while rest:
                rest = rest[super().write(rest) or 0 :]
        return n_bytes


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Put `path` into an OSError in place of a descriptor or a temporary name."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _mode_for(target: Path) -> int:
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut, where folders can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems refuse it; the file itself is safe by now.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
