"""What is uploaded, whether it came as bytes, a path or an open file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from hclimg.errors import BuildError


@frozen(eq=False)
class Source:
    """``start`` is where ``stream`` stood at first; ``size`` is what comes after that, None when it cannot seek."""

    name: str
    stream: BinaryIO
    start: int
    size: int | None
    mode: int | None

    def seek(self, offset: int) -> None:
        """Go to an offset of the content; the beginning of a stream that cannot seek is where it stands."""
        if self.size is not None:
            self.stream.seek(self.start + offset)

    def blocks(self, size: int) -> Iterator[bytes]:
        read = self.stream.read
        while block := read(size):
            yield block

    def digest(self) -> str:
        """The SHA-256 of the content."""
        from hashlib import sha256

        self.seek(0)
        result = sha256()
        for block in self.blocks(1 << 20):
            result.update(block)
        return result.hexdigest()


@contextmanager
def opened(source: bytes | BinaryIO | Path, mode: int | None) -> Iterator[Source]:
    """The source ready to be read; a file's own mode unless another one is given. Raises BuildError."""
    if isinstance(source, bytes):
        yield Source("content", BytesIO(source), 0, len(source), mode)
    elif isinstance(source, Path):
        try:
            stat = source.stat()
            stream = source.open("rb")
        except OSError as error:
            raise BuildError(f'Cannot read "{source}": {error.strerror}.') from error
        with stream:
            yield Source(source.name, stream, 0, stat.st_size, stat.st_mode & 0o7777 if mode is None else mode)
    else:
        yield _of_stream(source, mode)


def _of_stream(stream: BinaryIO, mode: int | None) -> Source:
    name = Path(str(getattr(stream, "name", "content"))).name
    if not stream.seekable():
        return Source(name, stream, 0, None, mode)
    start = stream.tell()
    end = stream.seek(0, 2)
    stream.seek(start)
    return Source(name, stream, start, end - start, mode)
