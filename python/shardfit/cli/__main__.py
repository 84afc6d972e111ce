"""Let `python -m shardfit.cli` do what `shardfit` does."""

from __future__ import annotations

from shardfit.cli import main

if __name__ == "__main__":
    main()
