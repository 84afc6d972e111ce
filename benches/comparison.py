"""Compare two runs: what has changed by more than its own spread.

What is compared is the ratio to scikit-learn, which took turns with shardfit, so that
a machine that is slower today is slower for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benches.record import Record, Row, load
from benches.tables import rounded

__all__ = ["Change", "changes", "comparison_lines", "last_comparable", "refusal"]


@dataclass(frozen=True)
class Change:
    """The ratio to scikit-learn before and now."""

    row: Row
    kernel: str
    threads: str
    old: float
    new: float
    is_beyond_spread: bool

    @property
    def flag(self) -> str:
        """Return what a reader should notice."""
        if not self.is_beyond_spread:
            return ""
        return "FASTER" if self.new > self.old else "SLOWER"


def refusal(old: Record, new: Record) -> str | None:
    """Return why two runs cannot be compared, or None if they can."""
    for name, here in new.machine.items():
        if old.machine.get(name) != here:
            return (
                f"the saved run is from another machine: {name} is "
                f"{old.machine.get(name)} there, {here} here; measure both builds on "
                "one machine"
            )
    if old.settings["scale"] != new.settings["scale"]:
        return (
            f"the saved run has --scale {old.settings['scale']}, this one has "
            f"{new.settings['scale']}; use one scale for both"
        )
    for name, here in new.settings["corpora"].items():
        there = old.settings["corpora"].get(name, "missing")
        if there != here:
            return (
                f"the saved run has other texts: {name} is {there} there, {here} here; "
                "measure both builds on the same corpora"
            )
    sizes = {row.name: row.bytes for row in old.rows}
    for row in new.rows:
        if sizes.get(row.name, row.bytes) != row.bytes:
            return (
                f"the saved run has other texts: {row.name} has {sizes[row.name]} "
                f"bytes there and {row.bytes} here; measure both builds with one "
                "version of the benchmarks"
            )
    return None


def last_comparable(folder: Path, new: Record) -> Path | None:
    """Return the last run in a folder that another can be compared with."""
    for path in sorted(folder.glob("speed-*.json"), reverse=True):
        try:
            old = load(path)
        except (TypeError, ValueError, KeyError):
            continue  # of another version of the benchmarks
        if refusal(old, new) is None:
            return path
    return None


def changes(old: Record, new: Record) -> list[Change]:
    """Return what both runs have measured.

    A change is beyond the spread if the ranges of the ratio, each from the least to the
    greatest, do not overlap. A single time of scikit-learn has no spread to be beyond.
    """
    n_repetitions = min(
        (len(row.sklearn) for run in (old, new) for row in run.rows), default=0
    )
    before = {(row.table, row.name): row for row in old.rows}
    found = []
    for row in new.rows:
        past = before.get((row.table, row.name))
        for kernel, times in row.shardfit.items():
            for threads in times:
                if past is None or threads not in past.shardfit.get(kernel, {}):
                    continue
                past_low, past_high = past.ratio_range(kernel, threads)
                low, high = row.ratio_range(kernel, threads)
                found.append(
                    Change(
                        row,
                        kernel,
                        threads,
                        past.ratio(kernel, threads),
                        row.ratio(kernel, threads),
                        is_beyond_spread=n_repetitions > 1
                        and (low > past_high or high < past_low),
                    )
                )
    return found


def comparison_lines(old: Record, new: Record) -> list[str]:
    """Return a table of the ratios before and now."""
    layout = "{:<78}{:<9}{:>3}{:>9}{:>9}{:>8}  {}"
    lines = [
        f"{name}: {old.versions[name]} before, {version} now"
        for name, version in new.versions.items()
        if old.versions.get(name, version) != version
    ]
    lines.append(
        layout.format(
            "ratio to scikit-learn", "kernel", "", "before", "now", "change", ""
        )
    )
    found = changes(old, new)
    lines += [
        layout.format(
            change.row.name,
            change.kernel,
            change.threads,
            rounded(change.old),
            rounded(change.new),
            f"{change.new / change.old - 1:+.0%}",
            change.flag,
        ).rstrip()
        for change in found
    ]
    flags = [change.flag for change in found]
    lines.append(
        f"{len(found)} ratios; beyond the spread of both runs: "
        f"{flags.count('FASTER')} faster, {flags.count('SLOWER')} slower"
    )
    return lines
