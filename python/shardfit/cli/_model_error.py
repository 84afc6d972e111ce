"""What is raised for files that hold no model, or a dangerous one."""

from __future__ import annotations

__all__ = ["ModelFileError"]


class ModelFileError(ValueError):
    """A model file that is damaged or foreign, or a model that no file may hold."""
