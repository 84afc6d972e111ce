"""Bytes of a text file, decompressed on the way."""

from __future__ import annotations

import io
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from shardfit.datasets._arrow import arrow_errors, pa
from shardfit.datasets._paths import compression_of
from shardfit.exceptions import DatasetError

__all__ = ["ByteStream"]

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class ByteStream(io.RawIOBase):
    """A file to be read from its first byte to its last, without its byte order mark.

    Parameters
    ----------
    file : Path
        The file; a suffix of ``.gz`` or ``.zst`` has it decompressed.
    tail : bytes
        What a reader finds behind the last byte.
    """

    def __init__(self, file: Path, tail: bytes = b"") -> None:
        self.file = file
        # pyarrow reads ahead in a thread, which may still run when this is closed.
        self._lock = RLock()
        self._tail = tail
        self._raw = self._stream = pa.BufferReader(b"")  # until the file is open
        self._raw = pa.OSFile(str(file), "rb")
        compression = compression_of(file)
        self._stream = (
            pa.CompressedInputStream(self._raw, compression)
            if compression
            else self._raw
        )
        self._pending = b""
        try:
            self._check_start()
        except BaseException:
            self.close()
            raise

    def _check_start(self) -> None:
        self._pending = self._read_exactly(len(_UTF8_BOM))
        if not self._pending:
            raise DatasetError("the file is empty", file=self.file)
        if self._pending.startswith(_UTF16_BOMS):
            raise DatasetError("the text is UTF-16; save it as UTF-8", file=self.file)
        self._pending = self._pending.removeprefix(_UTF8_BOM)

    def read(self, n_bytes: int = -1) -> bytes:
        """Return the next `n_bytes` bytes, fewer at the end or before a line end.

        pyarrow drops a line feed at the start of a block if the block before ends in a
        carriage return, even inside quotes: so the two are not torn apart.
        """
        with self._lock:
            return b"" if self.closed else self._read(n_bytes)

    def _read(self, n_bytes: int) -> bytes:
        data = self._read_exactly(n_bytes)
        if len(data) > 1 and data.endswith(b"\r"):
            following = self._read_exactly(1)
            if following == b"\n":
                self._pending = b"\r\n"
                return data[:-1]
            self._pending = following
        if n_bytes < 0 or len(data) < n_bytes:
            room = len(self._tail) if n_bytes < 0 else n_bytes - len(data)
            data += self._tail[:room]
            self._tail = self._tail[room:]
        return data

    def _read_exactly(self, n_bytes: int) -> bytes:
        pending, self._pending = self._pending, b""
        if 0 <= n_bytes < len(pending):
            self._pending = pending[n_bytes:]
            return pending[:n_bytes]
        parts = [pending] if pending else []
        wanted = n_bytes - len(pending)
        with arrow_errors(self.file, "the compressed data is damaged or cut off"):
            while n_bytes < 0 or wanted > 0:
                part = self._stream.read(None if n_bytes < 0 else wanted)
                if not part:
                    break
                parts.append(part)
                wanted -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def position(self) -> int:
        """How many bytes of the file, as it lies on disk, have been read."""
        return int(self._raw.tell())

    def readable(self) -> bool:
        """Return True: this can be read."""
        return True

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._stream.close()
            self._raw.close()
            super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
