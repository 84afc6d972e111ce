"""Write down what scikit-learn makes of a few documents, for the tests of the core.

    python rust/core/tests/golden/make.py > rust/core/tests/golden/scikit-learn.txt

The characters are ones whose properties Rust and every supported Python agree on.
Features are separated by ``|``, which no document holds.
"""

from __future__ import annotations

import sys
from typing import Any

import sklearn
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils.murmurhash import murmurhash3_bytes_s32

DOCUMENTS = [
    "The cat sat on the mat. The CAT!",
    "",
    "a",
    "  two  spaces   and_under_scores 42 4 ",
    "don't e-mail x@example.com: U.S. v1.2.3",
    "Antidisestablishmentarianism and pneumonoultramicroscopicsilicovolcanoconiosis",
    "Café naïve ÉTE\u0301 cafe\u0301 straße",
    "ΟΔΟΣ ΣΟΦΟΣ. \u0391Σ'\u0391 1Σ",
    "İstanbul İİ I\u0307",
    "日本語 のテスト\u3000中",
    "Привет, МИР! ﬁve… 😀 \U0001d4b3",
    "tick tock " * 20,
]

SETTINGS: dict[str, dict[str, Any]] = {
    "words": {},
    "cased": {"lowercase": False},
    "all words": {"token_pattern": r"(?u)\b\w+\b"},
    "non-space": {"token_pattern": r"(?u)\S{3,}"},
    "word n-grams": {"ngram_range": (1, 3)},
    "stop words": {"stop_words": ["the", "on"], "ngram_range": (1, 2)},
    "characters": {"analyzer": "char", "ngram_range": (1, 3)},
    "characters in words": {"analyzer": "char_wb", "ngram_range": (2, 5)},
    "unicode accents": {"strip_accents": "unicode"},
    "ascii accents": {"strip_accents": "ascii"},
}

# Numbers of columns and norms: few columns, so that signs cancel; no power of two; and
# the default.
MATRICES = [(4, None), (1003, "l1"), (2**20, "l2")]
NORMS = [None, "l1", "l2"]


def golden() -> list[str]:
    """Return the lines of the file."""
    version = sys.version.split(maxsplit=1)[0]
    lines = [f"scikit-learn {sklearn.__version__}, Python {version}"]
    lines += [f"document: {document}" for document in DOCUMENTS]
    keys = {key for document in DOCUMENTS for key in document.split()}
    keys |= {document for document in DOCUMENTS if len(document) < 60}
    for key in sorted(keys):
        lines.append(f"hash: {murmurhash3_bytes_s32(key.encode(), 0)} {key}")
    for name, parameters in SETTINGS.items():
        lines.append(f"setting: {name}")
        analyze = HashingVectorizer(**parameters).build_analyzer()
        for document in DOCUMENTS:
            features = analyze(document)
            lines.append("features: " + "".join(f"{feature}|" for feature in features))
        for n_features, norm in MATRICES:
            vectorizer = HashingVectorizer(
                **parameters, n_features=n_features, norm=norm
            )
            X = vectorizer.transform(DOCUMENTS)
            lines += [
                f"matrix: {n_features} {NORMS.index(norm)}",
                "data: " + " ".join(repr(float(value)) for value in X.data),
                "indices: " + " ".join(map(str, X.indices)),
                "row ends: " + " ".join(map(str, X.indptr[1:])),
            ]
    return lines


if __name__ == "__main__":
    sys.stdout.buffer.write(("\n".join(golden()) + "\n").encode())
