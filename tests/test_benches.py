"""What the benchmarks say about two saved runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benches.comparison import changes, comparison_lines, last_comparable, refusal
from benches.record import Record, Row, load, save
from benches.tables import TIMES, markdown, record_lines

SKLEARN = [0.98, 1.0, 1.04]


def _row(operation: str, ours: list[float], **fields: object) -> Row:
    row = Row("main", operation, "prose", 10_000_000, SKLEARN, {"scalar": {"1": ours}})
    return replace(row, **fields)


def _record(*rows: Row) -> Record:
    return Record(
        machine={"cpu": "A fast one", "cpus": 2, "system": "Linux"},
        versions={"python": "3.11.7", "sklearn": "1.9.1", "numpy": "2.4.6"},
        settings={"scale": 0.2, "corpora": {"prose": {"documents": 7, "bytes": 1000}}},
        kernel="scalar",
        command="make bench",
        date="2026-01-01T00:00:00+00:00",
        rows=list(rows),
    )


def _around(seconds: float) -> list[float]:
    return [seconds * factor for factor in (0.97, 0.99, 1.0, 1.01, 1.05)]


OLD = _record(_row("fit", _around(0.1)), _row("transform", _around(0.1)))


def test_what_changed_is_flagged() -> None:
    new = _record(_row("fit", _around(0.05)), _row("transform", _around(0.2)))
    faster, slower = changes(OLD, new)
    assert (faster.flag, slower.flag) == ("FASTER", "SLOWER")
    assert faster.old == pytest.approx(10)
    assert faster.new == pytest.approx(20)


def test_noise_is_not_flagged() -> None:
    new = _record(_row("fit", _around(0.102)), _row("transform", _around(0.098)))
    assert [change.flag for change in changes(OLD, new)] == ["", ""]


def test_a_noisy_run_hides_what_a_quiet_one_shows() -> None:
    noisy = [0.04, 0.06, 0.08, 0.1, 0.12]
    new = _record(_row("fit", noisy), _row("transform", _around(0.08)))
    assert [change.flag for change in changes(OLD, new)] == ["", "FASTER"]


def test_a_slower_machine_is_slower_for_both() -> None:
    doubled = [2 * seconds for seconds in SKLEARN]
    new = _record(_row("fit", _around(0.2), sklearn=doubled))
    assert [change.flag for change in changes(OLD, new)] == [""]


def test_only_what_both_have_is_compared() -> None:
    other_kernel = {"avx2": {"1": _around(0.01)}}
    other_threads = {"scalar": {"2": _around(0.05)}}
    new = _record(
        _row("fit", [], shardfit=other_kernel),
        _row("transform", [], shardfit=other_threads),
        _row("partial_fit", _around(0.1)),
    )
    assert changes(OLD, new) == []


def test_lines_count_the_flags_and_name_other_versions() -> None:
    new = _record(_row("fit", _around(0.05)), _row("transform", _around(0.1)))
    lines = comparison_lines(
        OLD, replace(new, versions=OLD.versions | {"sklearn": "1.9.2"})
    )
    assert lines[0] == "sklearn: 1.9.1 before, 1.9.2 now"
    assert lines[2].endswith("10.0     20.0   +100%  FASTER")
    assert lines[-1].endswith("1 faster, 0 slower")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"machine": {"cpu": "A slow one", "cpus": 2}},
            "another machine: cpu is A slow",
        ),
        ({"machine": {"cpu": "A fast one", "cpus": 64}}, "cpus is 64 there, 2 here"),
        ({"settings": {"scale": 1, "corpora": {}}}, "has --scale 1, this one has 0.2"),
        ({"settings": {"scale": 0.2, "corpora": {}}}, "prose is missing there"),
        ({"rows": [_row("fit", [0.1], bytes=999)]}, "fit: prose has 999 bytes there"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    fields: dict[str, object], reason: str, tmp_path: Path
) -> None:
    other = replace(OLD, **fields)
    refused = refusal(other, OLD)
    assert refused is not None
    assert reason in refused
    save(other, tmp_path / "speed-1.json")
    assert last_comparable(tmp_path, OLD) is None


def test_the_last_run_that_fits_is_found(tmp_path: Path) -> None:
    save(OLD, tmp_path / "speed-1.json")
    save(OLD, tmp_path / "speed-2.json")
    save(replace(OLD, machine={"cpu": "Another"}), tmp_path / "speed-3.json")
    (tmp_path / "speed-4.json").write_text("[]", encoding="utf-8")
    found = last_comparable(tmp_path, OLD)
    assert found == tmp_path / "speed-2.json"
    assert load(found) == OLD


def test_a_single_time_has_no_spread_to_be_beyond() -> None:
    once = _record(_row("fit", [0.1], sklearn=[1.0]))
    assert [change.flag for change in changes(once, OLD)] == [""]
    faster = _record(_row("fit", [0.01], sklearn=[1.0]))
    assert [change.flag for change in changes(once, faster)] == [""]


def _with_two_threads(one: float, two: float, **fields: object) -> Row:
    times = {"scalar": {"1": [one], "2": [two]}}
    return _row("fit", [], shardfit=times, **fields)


def test_a_loss_is_marked() -> None:
    faster = _with_two_threads(0.1, 0.05, table="extremes")
    slower = _with_two_threads(2.0, 0.9, table="extremes", input="short")
    lines = list(record_lines(_record(_with_two_threads(0.1, 0.05), faster, slower)))
    assert [line.endswith("SLOWER THAN SCIKIT-LEARN") for line in lines].count(
        True
    ) == 1
    assert lines[-1].startswith("1 of 2 extremes are slower")
    assert lines[-1].endswith("ratio is 0.50 (fit: short).")


def test_the_readme_shows_each_operation() -> None:
    lines = list(markdown(_record(_with_two_threads(0.1, 0.04))))
    (row,) = (line for line in lines if line.startswith("| `"))
    assert row.replace(TIMES, "x") == "| `fit` | prose | 10.0 | 10x / 25x | 100 / 250 |"
