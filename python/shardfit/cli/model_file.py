"""Model files that hold no code: a scikit-learn pipeline and how it was trained.

The file is what `skops.io.dump` writes for the pipeline alone, so that
`skops.io.load` gives a pipeline that predicts without shardfit, and one member more,
``shardfit.json``, with the names of the columns and the facts of the training.
"""

from __future__ import annotations

import io
import json
import os
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, BinaryIO
from zipfile import ZipFile

import sklearn
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import Pipeline

from shardfit.cli._model_arrays import uncompressed
from shardfit.cli._model_audit import audit
from shardfit.cli._model_checks import check_pipeline
from shardfit.cli._model_error import ModelFileError
from shardfit.cli._whole_file import whole_file

__all__ = ["ModelFileError", "SavedModel", "load_model", "save_model"]

_CARD = "shardfit.json"
_FORMAT = 1
# What skops does not trust, because it does not look at the numbers: `audit` does.
_AUDITED_TYPES = ["sklearn.tree._tree.Tree", "scipy.sparse._csr.csr_matrix"]
_MAX_CARD_BYTES = 2**20


@dataclass(frozen=True)
class SavedModel:
    """A model file in memory.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        The fitted pipeline: a HashingVectorizer, a TfidfTransformer or none, and a
        classifier.
    text : tuple of str
        Columns of text that it was trained on, empty if the file does not say.
    label : str or None
        Column of labels, None if the file does not say.
    label_type : {"string", "integer", "boolean"} or None
        What the labels are; CSV files are read accordingly.
    versions : dict of str to str
        Versions of Python and of the libraries at the time of training.
    training : dict
        Facts of the training: rows, seconds, options.
    """

    pipeline: Pipeline
    text: tuple[str, ...] = ()
    label: str | None = None
    label_type: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


def save_model(
    pipeline: Pipeline,
    file: str | os.PathLike[str] | BinaryIO,
    *,
    text: Sequence[str],
    label: str,
    label_type: str | None = None,
    training: Mapping[str, Any] | None = None,
) -> None:
    """Save a fitted pipeline in a file that holds no code.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        A fitted pipeline of a HashingVectorizer, a TfidfTransformer or none, and an
        SGDClassifier or another classifier of those that `shardfit train` offers, as
        `shardfit.partitioned.fit_files` returns it.
    file : path-like or binary file
        Where to write. A file of that name is replaced, whole or not at all.
    text : sequence of str
        Columns of text that the pipeline was trained on.
    label : str
        Column of labels.
    label_type : {"string", "integer", "boolean"}, optional
        What the labels are.
    training : mapping, optional
        Facts of the training that JSON can hold.

    Raises
    ------
    ModelFileError
        If the pipeline is another kind, or holds a function or anything else that
        such a file may not hold.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import skops.io
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from shardfit.cli.model_file import load_model, save_model
    >>> pipeline = make_pipeline(HashingVectorizer(), SGDClassifier(random_state=0))
    >>> _ = pipeline.fit(["good", "bad"], ["yes", "no"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.skops")
    ...     save_model(pipeline, path, text=["review"], label="liked")
    ...     model = load_model(path)
    ...     plain = skops.io.load(path)
    >>> model.text, model.label
    (('review',), 'liked')
    >>> plain.predict(["so good"]).tolist()
    ['yes']
    """
    import skops.io

    if not isinstance(pipeline, Pipeline):
        raise ModelFileError(f"expected a Pipeline, got {type(pipeline).__name__}")
    saved = SavedModel(
        pipeline=pipeline,
        text=tuple(text),
        label=label,
        label_type=label_type,
        versions=_versions(),
        training=dict(training or {}),
    )
    check_pipeline(pipeline)
    content = io.BytesIO()
    skops.io.dump(pipeline, content)
    content = _with_plain_members(content)
    with ZipFile(content, "a") as archive:
        archive.writestr(_CARD, _card_of(saved))
        audit(archive, n_bytes=len(content.getbuffer()))
    with _opened(file) as sink:
        sink.write(content.getbuffer())


def load_model(path: str | os.PathLike[str]) -> SavedModel:
    """Load a model file, and refuse any other file without running anything of it.

    Parameters
    ----------
    path : path-like
        A file that `save_model` or `shardfit train` wrote, or `skops.io.dump` of
        the same kind of pipeline.

    Returns
    -------
    SavedModel
        The pipeline and what the file says about it.

    Raises
    ------
    ModelFileError
        If the file is damaged, foreign, or holds anything but such a pipeline.
    OSError
        If the file cannot be read.

    Warns
    -----
    UserWarning
        If another version of scikit-learn trained the model.
    """
    import skops.io

    try:
        with open(path, "rb") as file, ZipFile(file) as archive:
            audit(archive, n_bytes=os.fstat(file.fileno()).st_size)
            card = _read_card(archive)
            pipeline = _load_pipeline(path, file, skops.io.load)
            check_pipeline(pipeline)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(path, error) from error
    except Exception as error:
        # A damaged or hostile file fails in any way that zipfile, json, NumPy and
        # skops know; for the person who named it they are all the same.
        raise _damaged(path, error) from error
    return SavedModel(pipeline=pipeline, **card)


def _with_plain_members(content: io.BytesIO) -> io.BytesIO:
    """Return a file in which sparse matrices are not compressed, if there are any."""
    with ZipFile(content) as archive:
        if not any(name.endswith(".npz") for name in archive.namelist()):
            return content
        plain = io.BytesIO()
        with ZipFile(plain, "w") as copy:
            for name in archive.namelist():
                member = archive.read(name)
                packed = name.endswith(".npz")
                copy.writestr(name, uncompressed(member) if packed else member)
    return plain


def _opened(
    file: str | os.PathLike[str] | BinaryIO,
) -> AbstractContextManager[BinaryIO]:
    if isinstance(file, str | os.PathLike):
        return whole_file(file)
    return nullcontext(file)


def _load_pipeline(
    path: str | os.PathLike[str],
    file: BinaryIO,
    load: Callable[..., Any],
) -> Any:
    """Build what the file holds; one warning stands for those of every estimator."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InconsistentVersionWarning)
        pipeline = load(file, trusted=_AUDITED_TYPES)
    messages = [str(warning.message) for warning in caught]
    for warning in caught:
        if isinstance(warning.message, InconsistentVersionWarning):
            trained_with = warning.message.original_sklearn_version
            message = (
                f"{os.fspath(path)} was trained with scikit-learn {trained_with}, "
                f"this is {sklearn.__version__}: check that it still predicts well"
            )
            messages = [message]
    for message in messages:
        warnings.warn(message, stacklevel=3)
    return pipeline


def _damaged(path: str | os.PathLike[str], error: Exception) -> ModelFileError:
    return ModelFileError(
        f"{os.fspath(path)}: not a model file of shardfit, or a damaged one "
        f"({str(error).strip() or type(error).__name__})"
    )


def _versions() -> dict[str, str]:
    names = ("shardfit", "scikit-learn", "numpy", "scipy", "skops")
    return {"python": platform.python_version()} | {n: version(n) for n in names}


def _card_of(saved: SavedModel) -> str:
    """Write what the file says about its pipeline, for people to read too."""
    card: dict[str, Any] = {"format": _FORMAT}
    card |= {name: value for name, value in vars(saved).items() if name != "pipeline"}
    return json.dumps(card, indent=2, ensure_ascii=False)


def _read_card(archive: ZipFile) -> dict[str, Any]:
    """Return the fields of SavedModel beside its pipeline, none if there is no card."""
    if _CARD not in archive.namelist():
        return {}
    if archive.getinfo(_CARD).file_size > _MAX_CARD_BYTES:
        raise ModelFileError(f"its {_CARD} is larger than {_MAX_CARD_BYTES} bytes")
    card = json.loads(archive.read(_CARD))
    if not isinstance(card, dict) or card.pop("format", None) != _FORMAT:
        raise ModelFileError(
            f"its {_CARD} is not of format {_FORMAT}, the one that this shardfit "
            "reads; upgrade shardfit"
        )
    valid: dict[str, Callable[[Any], bool]] = {
        "text": _is_list_of_names,
        "label": lambda value: isinstance(value, str),
        "label_type": lambda value: value in (None, "string", "integer", "boolean"),
        "versions": lambda value: isinstance(value, dict),
        "training": lambda value: isinstance(value, dict),
    }
    for name, is_valid in valid.items():
        if name not in card or not is_valid(card[name]):
            raise ModelFileError(f"its {_CARD} has no valid {name!r}")
    return {name: card[name] for name in valid} | {"text": tuple(card["text"])}


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
