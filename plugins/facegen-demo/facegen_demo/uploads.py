"""Forms with files: read under limits, and held in memory only."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from facegen.core.errors import DataError
from facegen.data.media.audio_decoding import audio_stream, open_media, packets

MAX_BYTES = 32 * 2**20
"""Limit of one request."""
MAX_SECONDS = 60
"""Limit of one recording."""
MAX_PICTURES = 8
MAX_FILES = MAX_PICTURES + 2
MAX_FIELDS = 16
MAX_FIELD_BYTES = 4096


class TooLargeError(DataError):
    """A request of more than MAX_BYTES."""

    def __init__(self) -> None:
        super().__init__(f"the files have more than {MAX_BYTES // 2**20} MB together; choose shorter or smaller ones")


class _InMemoryParser(MultiPartParser):
    spool_max_size = MAX_BYTES + 1  # a larger part would be written to a temporary file


async def read_form(request: Request) -> FormData:
    """Read a multipart form.

    Raises:
        TooLargeError: the request has more than MAX_BYTES.
        DataError: it is no form, or has too many parts.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise DataError("the request is no form of type multipart/form-data")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BYTES:
        raise TooLargeError
    parser = _InMemoryParser(
        request.headers, capped(request.stream()), max_files=MAX_FILES, max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )  # fmt: skip
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise DataError(f"the form cannot be read: {error.message}") from error


async def capped(stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a request.

    Raises:
        TooLargeError: they have more than MAX_BYTES together.
    """
    num_bytes = 0
    async for chunk in stream:
        num_bytes += len(chunk)
        if num_bytes > MAX_BYTES:
            raise TooLargeError
        yield chunk


@contextmanager
def as_path(upload: UploadFile) -> Iterator[Path]:
    """Provide an upload as a path that libraries can open; its content stays in memory, and is freed at the end.

    Errors name the file as the user does.

    Raises:
        DataError: those of the block.
    """
    descriptor = os.memfd_create("facegen-demo", os.MFD_CLOEXEC)
    path = Path(f"/proc/self/fd/{descriptor}")
    try:
        upload.file.seek(0)
        with open(os.dup(descriptor), "wb") as memory:
            memory.write(upload.file.read())
        yield path
    except DataError as error:
        name = Path(upload.filename or "file").name
        raise DataError(*(problem.replace(str(path), name) for problem in error.problems)) from error
    finally:
        os.close(descriptor)


def check_seconds(path: Path) -> None:
    """Check the length of a recording by decoding it, because headers may be wrong.

    Raises:
        DataError: it is longer than MAX_SECONDS, or cannot be read.
    """
    seconds = 0.0
    with open_media(path, lambda _: None) as container:  # the reader of speech warns
        for packet in packets(container, [audio_stream(container, path)]):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:  # the reader of speech handles damaged packets
                continue
            seconds += sum(frame.samples / frame.sample_rate for frame in frames if isinstance(frame, av.AudioFrame))
            if seconds > MAX_SECONDS:
                raise DataError(f"{path}: is longer than {MAX_SECONDS} seconds; cut it")
