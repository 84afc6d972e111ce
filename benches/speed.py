"""How many times as fast as scikit-learn shardfit is: tables, a plot, and a record.

The main table is what users do most, with each kernel of this machine; the second is
where the gain might be small, or a loss. A folder of corpora may hold Parquet files
with a column "text": 20news-train and 20news-test are the English prose of the main
table, every other corpus is hashed; what is missing is made up. Each run is saved, and
compared with the last one of the same machine and texts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import joblib
from benches.cases import Case, default_folder, extremes, main_cases
from benches.comparison import comparison_lines, last_comparable, refusal
from benches.measuring import measure
from benches.plot import draw
from benches.record import (
    Record,
    Row,
    command,
    contents,
    load,
    machine,
    now,
    save,
    versions,
)
from benches.tables import (
    extremes_lines,
    facts_lines,
    heading,
    markdown,
    record_lines,
    row_lines,
)

from shardfit._rust import available_kernels, use_kernel

RECORDS = Path(".benchmarks")
QUICK_SCALE = 0.02


def parsed() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m benches.speed",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--corpora", type=Path, default=default_folder(), metavar="FOLDER")
    add("--scale", type=float, default=0.2, help="of all texts that are made up")
    add(
        "--repetitions", type=int, default=3, help="of scikit-learn; thrice of shardfit"
    )
    add("--quick", action="store_true", help=f"one repetition, scale {QUICK_SCALE}")
    add("--only", default="", help="operations and inputs that contain this")
    add("--save", type=Path, metavar="FILE", help=f"default: a new one in {RECORDS}/")
    add("--compare", type=Path, metavar="FILE", help="a saved run")
    add("--show", type=Path, metavar="FILE", help="a saved run; measure nothing")
    add("--plot", type=Path, metavar="FILE", help="default: speed.svg beside it")
    add("--markdown", action="store_true", help="print what the README shows")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.repetitions, arguments.scale = 1, QUICK_SCALE
    return arguments


def selected(cases: list[Case], only: str) -> list[Case]:
    """Return the cases that were asked for."""
    return [case for case in cases if only in str(case)]


def thread_counts() -> list[int]:
    """Return 1, 2, 4 and so on, up to the number of CPUs, which is the last."""
    cpus = joblib.cpu_count()
    powers = {2**i for i in range(2, cpus.bit_length()) if 2**i <= cpus}
    return sorted({1, 2} | powers | {cpus})


def unmeasured(arguments: argparse.Namespace, cases: list[Case]) -> Record:
    """Return a record without rows."""
    inputs = {case.input.name: case.input for case in cases}
    corpora = {
        name: contents(each.documents(arguments.scale)) for name, each in inputs.items()
    }
    settings = {"scale": arguments.scale, "corpora": corpora}
    return Record(
        machine(),
        versions(),
        settings,
        use_kernel(None),
        command(arguments.corpora),
        now(),
        [],
    )


def measured(
    table: str,
    cases: list[Case],
    threads: dict[str, list[int]],
    arguments: argparse.Namespace,
) -> Iterator[Row]:
    """Yield the rows of a table, each printed as soon as it is there."""
    counts = sorted({count for each in threads.values() for count in each})
    for title, group in groupby(cases, lambda case: case.title):
        print(heading(title, counts), flush=True)
        for case in group:
            row = measure(table, case, threads, arguments.scale, arguments.repetitions)
            print(*row_lines(row, counts), sep="\n", flush=True)
            yield row


def run(arguments: argparse.Namespace) -> Record:
    """Measure, and print as it goes."""
    main_table = selected(main_cases(arguments.corpora), arguments.only)
    second = selected(extremes(), arguments.only)
    record = unmeasured(arguments, main_table)
    if arguments.compare:
        refuse(load(arguments.compare), record)
    print(*facts_lines(record), sep="\n")
    threads = {kernel: [1, 2] for kernel in available_kernels()}
    best = {record.kernel: thread_counts()}
    rows = [*measured("main", main_table, threads | best, arguments)]
    print(f"\nExtremes, with {record.kernel}:")
    rows += measured("extremes", second, {record.kernel: [1, 2]}, arguments)
    record = replace(record, rows=rows)
    print("", *extremes_lines(record), sep="\n")
    return record


def refuse(old: Record, new: Record) -> None:
    """Stop if two runs cannot be compared."""
    reason = refusal(old, new)
    if reason is not None:
        raise SystemExit(f"not compared: {reason}")


def compare(path: Path | None, record: Record) -> None:
    """Print what has changed since another run."""
    if path is None:
        print(f"\nNo run of this machine, these texts and scale in {RECORDS}/ so far.")
        return
    old = load(path)
    refuse(old, record)
    print(f"\nCompared with {path}, {old.date}:")
    print(*comparison_lines(old, record), sep="\n")


def main() -> None:
    """Measure or read a run, and show it."""
    arguments = parsed()
    if arguments.show:
        record, plot = load(arguments.show), arguments.plot
        if not arguments.markdown:
            print(*record_lines(record), sep="\n")
        if arguments.compare:
            compare(arguments.compare, record)
    else:
        record, plot = run(arguments), arguments.plot or RECORDS / "speed.svg"
        earlier = arguments.compare or last_comparable(RECORDS, record)
        name = f"speed-{record.date[:19].replace(':', '')}.json"
        path = arguments.save or RECORDS / name
        save(record, path)
        print(f"\nSaved as {path}.")
        compare(earlier, record)
    if arguments.markdown:
        print(*markdown(record), sep="\n")
    if plot and record.table("main"):
        draw(record, plot)
        print(f"\nDrawn as {plot}.", file=sys.stderr)


if __name__ == "__main__":
    main()
