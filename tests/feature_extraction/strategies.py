"""Hypothesis strategies: hostile documents."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

__all__ = [
    "broken_documents",
    "byte_documents",
    "documents",
    "short_texts",
    "texts",
]

WORDS = [
    # ASCII prose with stop words, digits and punctuation
    *"The quick brown fox jumps over the lazy dog and it is not a DOG".split(),
    *"don't e-mail x86_64 3.14 _private __init__ C++ a1 I'm re-do U.S.A. 2nd".split(),
    # Latin with accents, composed and not
    *"naïve café Ångström ÀÉÎÕÜ façade Œuvre ſharp ŉ ǆ ǅ".split(),
    *"cafe\u0301 A\u030angstro\u0308m o\u0302\u0301 \u0301lone".split(),
    # sharp s, Turkish dotted and dotless i
    *"Straße STRASSE ẞ ß İstanbul ISTANBUL ıi İİ I\u0307 i\u0307".split(),
    # final sigma beside cased, uncased and case-ignorable characters
    *"ΟΔΥΣΣΕΥΣ Σ ΑΣ ΣΑ ΑΣΑ ΑΣ. ΑΣ.Α Α'Σ Α\u0301Σ ΑΣ\u0301 ΑΣ\u0301Α Σ\u00adΣ".split(),
    *"AΣ1 1Σ ΑΣʰ ʰΣ ΑΣ:Β ΑΣ\u200dΒ Α\u2019Σ ϹΣ ΑΣ日 ὈΔΥΣΣΕΎΣ ᾼ ῼΣ".split(),
    # scripts with marks, without spaces, or from right to left
    *"हिन्दी भाषा क्षत्रिय ภาษาไทย กำลัง தமிழ் বাংলা ລາວ မြန်မာ ខ្មែរ".split(),
    *"日本語 中文字符 ひらがな カタカナ ｶﾞｷﾞ 한국어 각 각 ㄱ".split(),
    *"العربية مُحَمَّد עִבְרִית فارسی‌ها ﷺ ﻻ".split(),
    # astral letters, emoji with modifiers and joiners, flags
    *"𝕳𝖊𝖑𝖑𝖔 𝟘𝟙𝟚 𐐀𐐨 𐐁Σ 🙂 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽 𠮷野家 𞤀𞤢".split(),
    # ligatures, compatibility characters, numbers that are not digits
    *"ﬁnance ﬀ ﬃ Ĳssel ㌔ ㎏ ℌ ℵ № ™ ℃ ﬆ ｆｕｌｌ Ⅷ ⅷ".split(),
    *"x² x³ ½ ¼ ① ⑳ ㊿ ⁵ ₂ ٣٤ ०१ ௧ 𐄁 〇 ¹".split(),
    # marks in non-canonical order, Hangul jamo, class-0 marks
    *"a\u0315\u0300 q\u0307\u0323 \u1100\u1161\u11a8 \u0f71\u0f74 \u09c7\u09be".split(),
    "\u0344",
    "\U0001d15e",
    "\u0958",
]

ODDITIES = [
    *"\0 \ufeff \x1c \x1d \x1e \x1f \x85 \xa0 \u2028 \u2029 \u200b \u200d".split(" "),
    *["\u1680", "\u180e", "\u3000", "\u2003", "\t", "\n", "\r\n", "\x0b\x0c", "  "],
    *["\n\n", " \t ", "\xa0\xa0", "\x1c\x1d", "\n ", "¨", "\u00ad", "\u037a"],
    *["\ud800", "\udfff", "\ud83d\ude00", "a\udc80b", "\udcffword"],
    *["\u0378", "\U0001fffe", "\U000e0080", "\ue000", "\U0010ffff", "\uffff"],
    *["", " ", ".", "__", "a", "é", "Σ", "\u0300", "\u0660"],
]

UNICODE_WHITESPACE = "".join(c for c in map(chr, range(0x3001)) if c.isspace())

_any_characters = st.characters(exclude_categories=())
_fragments = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(WORDS),
    st.sampled_from(ODDITIES),
    st.text(_any_characters, max_size=4),
    st.text(st.characters(categories=["Mn", "Mc", "Lm", "Sk", "No"]), max_size=3),
    st.text("aAsSσΣiIıİ'.:\u0301\u00ad1_ ", max_size=8),
)
_separators = st.one_of(
    st.just(" "),
    st.just(" "),
    st.just(""),
    st.sampled_from(["  ", "\n", ", ", "-", "\t\n", "\x1f", "\xa0", "\u2028"]),
    st.sampled_from(list(UNICODE_WHITESPACE)),
)


@st.composite
def _joined_text(draw: Any) -> str:
    separator = draw(_separators)
    return str(separator.join(draw(st.lists(_fragments, max_size=12))))


@st.composite
def _stretched_text(draw: Any) -> str:
    # Lengths around the sizes of vectors, of blocks and of table growth.
    fragment = draw(_fragments) or "x"
    wanted = draw(st.sampled_from([15, 16, 31, 33, 63, 64, 65, 127, 257, 5000, 70000]))
    wanted = min(wanted, 600 * len(fragment))
    return str(fragment * (wanted // len(fragment) + 1))[:wanted] + draw(_fragments)


texts: st.SearchStrategy[str] = st.one_of(
    _joined_text(),
    _joined_text(),
    _joined_text(),
    _fragments,
    _stretched_text(),
    st.sampled_from(["", " ", "\0", "\n\n", "a", "word", "The", "Σ"]),
)


class LoudText(str):
    """A str whose methods say something else than its characters do."""

    def lower(self) -> str:
        return "overridden lower " + str(self)

    def encode(self, *args: Any, **kwargs: Any) -> bytes:
        raise UnicodeEncodeError("ascii", "x", 0, 1, "overridden encode")


class PlainText(str):
    """A str subclass that overrides nothing."""


# N-gram ranges without an upper end are quadratic in the length of a document.
short_texts: st.SearchStrategy[str] = st.one_of(_joined_text(), _fragments)

documents: st.SearchStrategy[str] = st.one_of(
    texts,
    texts,
    texts,
    texts,
    texts,
    texts.map(PlainText),
    texts.map(np.str_),
    texts.map(LoudText),
)


@st.composite
def byte_documents(draw: Any) -> tuple[list[bytes], dict[str, Any]]:
    """Byte strings, valid and not, with the parameters that decode them."""
    names = ["utf-8", "UTF8", "latin-1", "utf-16", "cp1252", "ascii", "utf-8-sig"]
    encoding = draw(st.sampled_from(names))
    rubbish = st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [b"\xff", b"caf\xe9", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
            + [b"\xc0\x80", b"\xef\xbb\xbfbom", b"a\x00b", b"\x80\x81 word \xf0\x9f"]
        ),
    )
    valid = texts.map(lambda text: text.encode(encoding, "ignore"))
    content = draw(
        st.lists(st.one_of(valid, valid, rubbish, texts), min_size=1, max_size=5)
    )
    errors = draw(st.sampled_from(["strict", "ignore", "replace"]))
    return content, {"encoding": encoding, "decode_error": errors}


# With input="filename" a number is a file descriptor that is closed after reading: this
# one nobody has open.
_NO_FILE = 2**20

broken_documents: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        np.nan,
        float("nan"),
        _NO_FILE,
        2.5,
        [],
        ["a"],
        {},
        b"bytes",
        b"\xff",
        object,
    ]
    + [bytearray(b"text"), memoryview(b"text"), np.str_("fine"), "fine", "\ud800 x"]
    + [
        np.int64(_NO_FILE),
        np.array(["a"]),
        np.array("zero-dimensional"),
        np.bytes_(b"xy"),
    ]
)
