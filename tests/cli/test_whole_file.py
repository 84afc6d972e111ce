"""A file is there whole or not at all, whatever happens."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shardfit.cli._whole_file import whole_file


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_has_the_name_before_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    with whole_file(target) as file:
        assert file.write(b"abc") == 3
        assert not target.exists()
    assert target.read_bytes() == b"abc"
    assert names_in(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")

    def write() -> None:
        with whole_file(target) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        write()
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["out.bin"]


def test_full_disk_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.bin"

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with (
        pytest.raises(OSError, match="No space left") as caught,
        whole_file(target) as file,
    ):
        file.write(b"abc")
    assert caught.value.filename == str(target)
    assert names_in(tmp_path) == []


def test_limit_of_the_file_size(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    code = (
        "import sys\n"
        "from shardfit.cli._whole_file import whole_file\n"
        "try:\n"
        "    with whole_file(sys.argv[1]) as file:\n"
        "        file.write(b'x' * 10_000)\n"
        "except OSError as error:\n"
        "    print(error.errno, error.filename)\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == [str(errno.EFBIG), str(target)]
    assert names_in(tmp_path) == []


def test_missing_folder_names_the_file(tmp_path: Path) -> None:
    target = tmp_path / "missing" / "out.bin"
    with pytest.raises(FileNotFoundError) as caught:
        whole_file(target).__enter__()
    assert caught.value.filename == str(target)


def test_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    plain, target = tmp_path / "plain", tmp_path / "out.bin"
    plain.touch()
    with whole_file(target):
        pass
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    target.touch()
    target.chmod(0o640)
    with whole_file(target):
        pass
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_symbolic_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.bin", tmp_path / "link.bin"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with whole_file(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
