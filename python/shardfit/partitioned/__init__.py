"""Train, score and predict on files that need not fit into memory."""

from shardfit.partitioned._fit import fit_files
from shardfit.partitioned._predict import FilePredictions, predict_files
from shardfit.partitioned._progress import Progress
from shardfit.partitioned._score import ClassificationScores, score_files

__all__ = [
    "ClassificationScores",
    "FilePredictions",
    "Progress",
    "fit_files",
    "predict_files",
    "score_files",
]
