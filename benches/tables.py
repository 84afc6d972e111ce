"""The tables of a run, for a terminal and for the README."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from math import floor, log10

from benches.record import Record, Row

__all__ = [
    "TIMES",
    "described",
    "extremes_lines",
    "facts_lines",
    "heading",
    "markdown",
    "record_lines",
    "rounded",
    "row_lines",
    "times_sign",
]

TIMES = "\N{MULTIPLICATION SIGN}"
INPUT_WIDTH = 36
# How many of the smallest gains the README shows.
N_SMALLEST = 8


def facts_lines(record: Record) -> Iterator[str]:
    """Yield what the numbers depend on."""
    versions = ", ".join(f"{name} {which}" for name, which in record.versions.items())
    yield f"{described(record)}; {record.machine['system']}; {versions}"
    for name, facts in record.settings["corpora"].items():
        yield f"{name}: {facts['documents']} documents, {facts['bytes'] / 1e6:.1f} MB"
    yield (
        "MB/s of UTF-8 text, or of a matrix; medians, in turn in one process; ratios "
        "to scikit-learn."
    )
    yield f"shardfit chooses the kernel {record.kernel} here."


def described(record: Record) -> str:
    """Return the processor, in a few words."""
    cpus = record.machine["cpus"]
    return f"{record.machine['cpu']}, {cpus} CPU{'s' if cpus > 1 else ''}"


def heading(title: str, threads: list[int]) -> str:
    """Return the head of the rows of an operation."""
    start = f"{'':<{INPUT_WIDTH}}{'size':>8}{'sklearn':>9}  {'kernel':<7}"
    counts = "".join(f"{count:>6} T{'ratio':>7}" for count in threads)
    return f"\n{title}\n{start}{counts}  scaling"


def row_lines(row: Row, threads: list[int]) -> Iterator[str]:
    """Yield a line for each kernel."""
    start = (
        f"  {row.input:<{INPUT_WIDTH - 2}}{as_size(row.bytes):>8}"
        f"{rounded(row.speed(row.sklearn)):>9}"
    )
    for kernel, times in row.shardfit.items():
        cells = [
            f"{rounded(row.speed(times[str(count)])):>8}"
            f"{rounded(row.ratio(kernel, str(count)), 2):>7}"
            if str(count) in times
            else " " * 15
            for count in threads
        ]
        scaling = " ".join(f"{each:.2f}" for each in row.scaling(kernel))
        mark = "" if gain(row, kernel) >= 1 else "  SLOWER THAN SCIKIT-LEARN"
        yield f"{start}  {kernel:<7}{''.join(cells)}  {scaling}{mark}"
        start = " " * len(start)


def as_size(n_bytes: float) -> str:
    """Return a number of bytes in a unit that suits it."""
    for unit in ("B", "kB"):
        if n_bytes < 1000:
            return f"{rounded(n_bytes)} {unit}"
        n_bytes /= 1000
    return f"{rounded(n_bytes)} MB"


def gain(row: Row, kernel: str) -> float:
    """Return the smallest ratio to scikit-learn, over the numbers of threads."""
    return min(row.ratio(kernel, threads) for threads in row.shardfit[kernel])


def extremes_lines(record: Record) -> Iterator[str]:
    """Yield what the extremes come to."""
    rows = record.table("extremes")
    if not rows:
        return
    least = min(rows, key=lambda row: gain(row, record.kernel))
    n_slower = sum(gain(row, record.kernel) < 1 for row in rows)
    yield (
        f"{n_slower} of {len(rows)} extremes are slower than scikit-learn; the "
        f"smallest ratio is {rounded(gain(least, record.kernel), 2)} ({least.name})."
    )


def record_lines(record: Record) -> Iterator[str]:
    """Yield all that a run has printed."""
    yield from facts_lines(record)
    for table in ("main", "extremes"):
        rows = record.table(table)
        counts = {
            int(n) for row in rows for each in row.shardfit.values() for n in each
        }
        for title, group in groupby(rows, lambda row: row.operation):
            yield heading(title, sorted(counts))
            for row in group:
                yield from row_lines(row, sorted(counts))
    yield ""
    yield from extremes_lines(record)


def times_sign(ratio: float) -> str:
    """Return a ratio as it is read."""
    return rounded(ratio, 2) + TIMES


def rounded(number: float, n_digits: int = 3) -> str:
    """Return a number with so many digits that count, and without an exponent."""
    decimals = max(0, n_digits - 1 - floor(log10(number)))
    return f"{number:.{decimals}f}"


def markdown(record: Record) -> Iterator[str]:
    """Yield what the README shows, line by line."""
    rows = record.table("main")
    yield from _main_table(record, rows)
    extremes = record.table("extremes")
    if extremes:
        yield ""
        yield from _extremes_table(record, extremes)
    versions = record.versions
    corpora = ", ".join(
        f"{name} ({facts['documents']} documents, {facts['bytes'] / 1e6:.0f} MB)"
        for name, facts in record.settings["corpora"].items()
    )
    yield ""
    yield (
        f"{described(record)}, Python {versions['python']}, scikit-learn "
        f"{versions['sklearn']}, NumPy {versions['numpy']}; {corpora}; "
        f"`{record.command}`."
    )


def _main_table(record: Record, rows: list[Row]) -> Iterator[str]:
    kernels = list(dict.fromkeys(kernel for row in rows for kernel in row.shardfit))
    yield (
        "How many times as fast as scikit-learn, with one thread and with two, for "
        "each set of instructions that shardfit can use; in MB of UTF-8 text per "
        "second for scikit-learn and for the best:"
    )
    yield ""
    head = ["operation", "texts", "scikit-learn", *kernels, f"{record.kernel}, MB/s"]
    yield _line(head)
    yield "|---" * 2 + "|--:" * (len(head) - 2) + "|"
    for row in rows:
        ratios = [
            " / ".join(times_sign(row.ratio(kernel, count)) for count in ("1", "2"))
            for kernel in kernels
        ]
        best = row.shardfit[record.kernel]
        speeds = " / ".join(rounded(row.speed(best[count])) for count in ("1", "2"))
        theirs = rounded(row.speed(row.sklearn))
        yield _line([f"`{row.operation}`", row.input, theirs, *ratios, speeds])


def _extremes_table(record: Record, rows: list[Row]) -> Iterator[str]:
    rows = sorted(rows, key=lambda row: gain(row, record.kernel))
    slower = sum(gain(row, record.kernel) < 1 for row in rows)
    yield (
        f"Of {len(rows)} extremes (one short document a call, very many or one very "
        "long, every token another, words made to collide, few columns) "
        f"{slower or 'none'} {'is' if slower < 2 else 'are'} slower than scikit-learn. "
        f"Those that gain least:"
    )
    yield ""
    yield _line(["operation", "texts", "scikit-learn", "1 thread", "2 threads"])
    yield "|---|---|--:|--:|--:|"
    for row in rows[: max(N_SMALLEST, slower)]:
        times = row.shardfit[record.kernel]
        cells = [
            f"{rounded(row.speed(times[count]))} "
            f"({times_sign(row.ratio(record.kernel, count))})"
            for count in ("1", "2")
        ]
        theirs = rounded(row.speed(row.sklearn))
        yield _line([f"`{row.operation}`", row.input, theirs, *cells])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
