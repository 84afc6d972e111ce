"""Random tables of numbers, as scalers and imputers meet them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

dtypes = st.sampled_from([np.float64, np.float32])


def table(rng, n_rows, *, dtype=np.float64, with_nan=False, n_features=4):
    """Return features of all scales; one is constant, and one may be all NaN."""
    X = rng.normal(size=(n_rows, n_features)) * 10.0 ** np.arange(-1, n_features - 1)
    X[:, 0] = 0.1
    X[:, 1] += 100
    if with_nan:
        share = rng.choice([0.0, 0.2, 0.7, 1.0], n_features)
        X[rng.random(X.shape) < share] = np.nan
    return X.astype(dtype)


def tolerance(dtype):
    return 1e-9 if dtype is np.float64 else 1e-5
