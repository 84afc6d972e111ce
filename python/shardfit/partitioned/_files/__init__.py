"""Training, scoring and predicting on files that may be larger than memory."""
