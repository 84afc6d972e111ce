"""A labelled text corpus that every machine has: the source files of Python packages.

Each text is a run of consecutive lines of one file, its label the package that the
file belongs to. Files, not texts, are dealt to the training or the test side, and a
file that exists twice is used once, so that nothing learned by heart helps on the
test side. The same packages give the same corpus: no clock and no random seed.
"""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Corpus", "source_corpus"]

LINES_PER_TEXT = 20
SHORTEST_TEXT = 80
LARGEST_FILE = 256 * 1024  # what is larger is mostly generated tables
LARGEST_LABEL = 4_000_000  # characters; keeps the big packages from ruling the rest
SMALLEST_LABEL = 1_000_000
FEWEST_FILES = 40
ONE_TEST_FILE_IN = 5

# A vendored copy would be one text under two labels, and distributions differ in
# whether they ship the tests of the standard library.
_SKIPPED_FOLDERS = frozenset(
    {"_vendor", "vendor", "externals", "extern", "site-packages", "dist-packages"}
    | {"test", "idlelib", "__pycache__"}
)


@dataclass
class Corpus:
    """Texts and their labels, in two parts that share no file."""

    train: list[tuple[str, str]] = field(default_factory=list)
    test: list[tuple[str, str]] = field(default_factory=list)


def source_corpus() -> Corpus:
    """Return texts from the standard library and every large installed package."""
    corpus = Corpus()
    seen: set[bytes] = set()
    for label, folder in _packages():
        files = _files(folder, seen)
        size = sum(len(text) for _, text in files)
        if len(files) < FEWEST_FILES or size < SMALLEST_LABEL:
            continue
        taken = 0
        for digest, text in files:
            if taken > LARGEST_LABEL:
                break
            taken += len(text)
            side = corpus.train if digest[0] % ONE_TEST_FILE_IN else corpus.test
            side.extend((chunk, label) for chunk in _chunks(text))
    # Training by batches wants the labels mixed; a hash mixes the same way everywhere.
    corpus.train.sort(key=_digest_of_row)
    return corpus


def _packages() -> Iterator[tuple[str, Path]]:
    """Yield the label and the folder of the standard library and of each package."""
    paths = sysconfig.get_paths()
    yield "python", Path(paths["stdlib"])
    for folder in sorted({Path(paths["purelib"]), Path(paths["platlib"])}):
        for package in sorted(folder.iterdir()):
            if package.name.isidentifier() and (package / "__init__.py").is_file():
                yield package.name, package


def _files(folder: Path, seen: set[bytes]) -> list[tuple[bytes, str]]:
    """Return digest and text of the files not `seen` so far, in order of digest."""
    files = []
    for path in folder.rglob("*.py"):
        if _SKIPPED_FOLDERS.intersection(path.relative_to(folder).parts):
            continue
        if path.stat().st_size > LARGEST_FILE:
            continue
        content = path.read_bytes()
        digest = hashlib.sha256(content).digest()
        if digest in seen:
            continue
        seen.add(digest)
        try:
            files.append((digest, content.decode("utf-8")))
        except UnicodeDecodeError:
            continue
    return sorted(files)


def _chunks(text: str) -> Iterator[str]:
    """Yield runs of consecutive lines, those with too little in them left out."""
    lines = text.splitlines()
    for start in range(0, len(lines), LINES_PER_TEXT):
        chunk = "\n".join(lines[start : start + LINES_PER_TEXT])
        if len(chunk) >= SHORTEST_TEXT:
            yield chunk


def _digest_of_row(row: tuple[str, str]) -> bytes:
    return hashlib.sha256(row[0].encode("utf-8")).digest()
