"""From paths, patterns and folders to the files they stand for."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from shardfit.exceptions import DatasetError

__all__ = ["PathsLike", "compression_of", "find_files", "format_of"]

PathsLike = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_SUPPORTED = (
    f"{', '.join(_FORMATS)}; all but Parquet also with {' or '.join(_COMPRESSIONS)}"
)


def compression_of(path: Path) -> str | None:
    """Return the name that pyarrow has for the compression of a file, by its suffix."""
    return _COMPRESSIONS.get(path.suffix.lower())


def format_of(path: Path) -> str:
    """Return ``"parquet"``, ``"csv"``, ``"tsv"`` or ``"jsonl"``, by the suffix.

    Raises
    ------
    DatasetError
        If the suffix is none of those that can be read.
    """
    inner = path.with_suffix("") if compression_of(path) else path
    name = _FORMATS.get(inner.suffix.lower())
    if name is None or (name == "parquet" and inner is not path):
        found = "".join(path.suffixes[-2:]) or "no suffix"
        raise DatasetError(
            f"files with {found!r} cannot be read; rename or convert the file to one "
            f"of {_SUPPORTED}",
            file=path,
        )
    return name


def find_files(paths: PathsLike) -> tuple[Path, ...]:
    """Return the files that paths, patterns and folders stand for.

    Parameters
    ----------
    paths : str, path-like or iterable of them
        Each a file, a pattern (``data/*.csv``, ``**`` for any depth) or a folder, which
        stands for all files in and below it that can be read. What a pattern or a
        folder yields is sorted; names in a folder that begin with a dot or an
        underscore are passed over.

    Returns
    -------
    tuple of Path
        Each file once, in the order of its first mention.

    Raises
    ------
    FileNotFoundError
        If a path, pattern or folder yields no file.
    DatasetError
        If a file has a suffix that cannot be read.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise ValueError("paths is empty: name at least one file, pattern or folder")
    files: dict[str, Path] = {}
    for path in given:
        for file in _expand(os.fspath(path)):
            format_of(file)
            _check_name(file)
            files.setdefault(os.path.realpath(file), file)
    return tuple(files.values())


def _check_name(file: Path) -> None:
    try:
        str(file).encode()
    except UnicodeEncodeError as error:
        raise DatasetError(
            "the name of the file is not UTF-8, which Arrow asks for; rename it",
            file=ascii(str(file)),
        ) from error


def _expand(path: str) -> list[Path]:
    if os.path.isdir(path):
        found = sorted(_below(Path(path)))
        if not found:
            raise FileNotFoundError(
                f"the folder {path!r} holds no file that can be read ({_SUPPORTED})"
            )
        return found
    if os.path.exists(path):
        if not os.path.isfile(path):
            raise DatasetError("this is neither a file nor a folder", file=path)
        return [Path(path)]
    matches = sorted(filter(os.path.isfile, glob.glob(path, recursive=True)))
    if not matches:
        kind = "no file matches the pattern" if glob.has_magic(path) else "no such file"
        raise FileNotFoundError(f"{kind}: {path!r}")
    return [Path(match) for match in matches]


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            file = Path(parent, name)
            if not name.startswith((".", "_")) and file.is_file() and _readable(file):
                yield file


def _readable(file: Path) -> bool:
    try:
        format_of(file)
    except DatasetError:
        return False
    return True
