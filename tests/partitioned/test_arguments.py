"""Arguments that are not what they should be."""

from __future__ import annotations

import pytest

from shardfit.partitioned import fit_files, predict_files, score_files


@pytest.mark.parametrize("files", ["a.csv", None, ["a.csv"]])
def test_paths_in_the_place_of_files(files):
    for call in (
        lambda: fit_files(files),
        lambda: score_files(object(), files),
        lambda: next(predict_files(object(), files)),
    ):
        with pytest.raises(TypeError, match="files must be TextFiles, got"):
            call()
