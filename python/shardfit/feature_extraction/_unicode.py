"""What this interpreter knows about characters, as tables for the core.

The core must agree with ``str.lower``, ``re`` and ``unicodedata`` of the interpreter it
runs in, whose Unicode version changes with every release of CPython. So the tables are
not shipped but made here, once per process, when a document that is not ASCII is met.
The interpreter is asked about all characters at once wherever possible: one call
for a string of every code point instead of a million calls.
"""

from __future__ import annotations

import re
import sys
import unicodedata

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import strip_accents_ascii, strip_accents_unicode

__all__ = ["accent_replacements", "character_columns"]

_N_CHARACTERS = sys.maxunicode + 1
_CAPITAL_SIGMA = 0x3A3
_FINAL_SIGMA = 0x3C2
_WORD, _SPACE, _CASED, _CASE_IGNORABLE = 1, 2, 4, 8


def _to_string(points: npt.NDArray[np.uint32]) -> str:
    return points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _to_points(string: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(string.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def character_columns() -> tuple[
    npt.NDArray[np.uint32], npt.NDArray[np.uint8], dict[int, list[int]]
]:
    r"""Return what ``str.lower`` and the character classes say of every code point.

    Returns
    -------
    lower : ndarray of shape (1114112,), dtype uint32
        The lower-case form of each code point.
    flags : ndarray of shape (1114112,), dtype uint8
        Bit 0 is set where ``\w`` matches, bit 1 where ``\s`` does, bit 2 where the
        character has case and bit 3 where the rule for the final sigma ignores it.
    expansions : dict of int to list of int
        The lower-case forms that are longer than one character.
    """
    points = np.arange(_N_CHARACTERS, dtype=np.uint32)
    every = _to_string(points)
    expansions = {
        ord(character): [ord(c) for c in lowered]
        for character in _expanding_characters(every)
        if len(lowered := character.lower()) > 1
    }
    # With the expanding characters out of the way, lower-casing keeps every character
    # in its place. The capital sigma is followed by a letter here, so it is not final.
    single = points.copy()
    single[list(expansions)] = 0
    lower = _to_points(_to_string(single).lower()).astype(np.uint32)
    flags = np.zeros(_N_CHARACTERS, dtype=np.uint8)
    for flag, pattern in ((_WORD, r"\w+"), (_SPACE, r"\s+")):
        for run in re.finditer(pattern, every):
            flags[run.start() : run.end()] |= flag
    flags |= _sigma_flags(single, list(expansions))
    return lower, flags, expansions


def _expanding_characters(every: str) -> list[str]:
    """Return the characters near which lower-casing changes the length of a string."""
    size = 1024
    blocks = (every[start : start + size] for start in range(0, len(every), size))
    return [c for block in blocks if len(block.lower()) != len(block) for c in block]


def _sigma_flags(
    single: npt.NDArray[np.uint32], expanding: list[int]
) -> npt.NDArray[np.uint8]:
    """Find out how each character acts on a capital sigma behind it.

    A sigma at the end of a word becomes final: it does after a character with case,
    or after one that is ignored if there is one with case before it.
    """
    flags = np.zeros(_N_CHARACTERS, dtype=np.uint8)
    # The other planes hold ideographs and private characters, which do neither; the
    # tests ask about them all the same.
    for plane in (0x00000, 0x10000, 0xE0000):
        characters = single[plane : plane + 0x10000]
        cased = _makes_sigma_final("", characters)
        ignorable = _makes_sigma_final("A", characters) & ~cased
        flags[plane : plane + 0x10000] = cased * _CASED + ignorable * _CASE_IGNORABLE
    for point in expanding:
        is_cased = (chr(point) + chr(_CAPITAL_SIGMA)).lower()[-1] == chr(_FINAL_SIGMA)
        flags[point] = _CASED if is_cased else 0
    return flags


def _makes_sigma_final(
    before: str, characters: npt.NDArray[np.uint32]
) -> npt.NDArray[np.bool_]:
    """Tell whether a sigma after `before` and each character is a final one."""
    rows = np.empty((len(characters), len(before) + 3), dtype=np.uint32)
    rows[:, : len(before)] = [ord(c) for c in before]
    rows[:, -3] = characters
    rows[:, -2:] = _CAPITAL_SIGMA, ord(" ")
    lowered = _to_points(_to_string(rows.ravel()).lower()).reshape(rows.shape)
    final: npt.NDArray[np.bool_] = lowered[:, -2] == _FINAL_SIGMA
    return final


def accent_replacements(mode: str) -> list[tuple[int, list[int]]]:
    """Return what stripping accents makes of each character that it changes.

    Parameters
    ----------
    mode : {'ascii', 'unicode'}
        As the parameter `strip_accents` of the vectorizers.

    Returns
    -------
    list of tuple
        A code point and the code points it becomes. With 'unicode' the characters
        that are not listed stay; with 'ascii' those outside ASCII go.
    """
    strip = strip_accents_ascii if mode == "ascii" else strip_accents_unicode
    replaced = []
    size = 256
    for start in range(0, _N_CHARACTERS, size):
        block = _to_string(np.arange(start, start + size, dtype=np.uint32))
        # Most blocks, the unassigned ones and all of CJK, are left as they are.
        if unicodedata.normalize("NFKD", block) == block and not any(
            map(unicodedata.combining, block)
        ):
            continue
        for point, character in enumerate(block, start):
            stripped = strip(character)
            default = character if mode == "unicode" else ""
            if point >= 128 and stripped != default:
                replaced.append((point, [ord(c) for c in stripped]))
    return replaced
