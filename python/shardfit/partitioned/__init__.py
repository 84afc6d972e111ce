"""Train on partitions, side by side: rows in memory, or files larger than it."""

from shardfit.partitioned._classifier import PartitionedClassifier
from shardfit.partitioned._files.fit import fit_files
from shardfit.partitioned._files.predict import FilePredictions, predict_files
from shardfit.partitioned._files.progress import Progress
from shardfit.partitioned._files.score import ClassificationScores, score_files
from shardfit.partitioned._regressor import PartitionedRegressor
from shardfit.partitioned._transformer import PartitionedTransformer

__all__ = [
    "ClassificationScores",
    "FilePredictions",
    "PartitionedClassifier",
    "PartitionedRegressor",
    "PartitionedTransformer",
    "Progress",
    "fit_files",
    "predict_files",
    "score_files",
]
