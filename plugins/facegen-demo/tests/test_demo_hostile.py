"""Any form, and any bytes in place of one, are read, or refused with a message."""

import asyncio
import io

import pytest
from demo_client import form, wav
from facegen_demo.uploads import MAX_FIELDS, MAX_FILES, as_path, check_seconds, read_form
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import UploadFile
from starlette.requests import Request

from facegen.core.errors import DataError

SMALL = settings(max_examples=60, deadline=None, derandomize=True, database=None)
SOUND = wav(0.1)
# What stands in the head of a part; line ends and quotation marks would end it, as in any client.
NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters='"\r\n\0'), max_size=20)
FIELDS = st.tuples(NAMES, st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").decode()))
FILES = st.tuples(NAMES, st.tuples(NAMES.filter(bool), st.binary(max_size=100)))


def request(body: bytes, content_type: str) -> Request:
    """Make a request as a server passes it on, in chunks."""
    chunks = [body[start : start + 50] for start in range(0, len(body), 50)] or [b""]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    headers = [(b"content-type", content_type.encode("latin-1", "replace"))]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


async def read(body: bytes, content_type: str) -> list[tuple[str, object]]:
    values = await read_form(request(body, content_type))
    try:
        return [(name, (value.filename, await value.read()) if isinstance(value, UploadFile) else value)
                for name, value in values.multi_items()]  # fmt: skip
    finally:
        await values.close()


@SMALL
@given(st.lists(FIELDS, max_size=4), st.lists(FILES, max_size=4))
def test_any_form_is_read_as_it_was_sent(fields, files):
    body, content_type = form([*fields, *files])
    assert asyncio.run(read(body, content_type)) == [*fields, *files]


@SMALL
@given(st.binary(max_size=200), st.integers(0, 300), st.text(st.characters(max_codepoint=255), max_size=30))
def test_any_bytes_are_a_form_or_refused(damage, place, parameters):
    body, content_type = form([("speech", ("a.wav", SOUND[:100])), ("seed", "1")])
    for header in (content_type, f"multipart/form-data;{parameters}", parameters):
        try:
            asyncio.run(read(body[:place] + damage + body[place:], header))
        except DataError as error:
            assert error.problems and all(0 < len(problem) < 500 for problem in error.problems)


@pytest.mark.parametrize("num", [(MAX_FIELDS + 1, 0), (0, MAX_FILES + 1)])
def test_too_many_parts_are_refused(num):
    body, content_type = form([("a", "b")] * num[0] + [("a", ("b.wav", b"c"))] * num[1])
    with pytest.raises(DataError, match="the form cannot be read: Too many"):
        asyncio.run(read(body, content_type))


@SMALL
@given(st.binary(max_size=60), st.integers(0, len(SOUND)), NAMES)
def test_any_recording_is_decoded_or_refused_by_its_own_name(damage, place, name):
    content = SOUND[:place] + damage + SOUND[place + len(damage) :]

    upload = UploadFile(io.BytesIO(content), filename=name or None)
    try:
        with as_path(upload) as path:
            check_seconds(path)
    except DataError as error:
        assert not any("/proc/self" in problem for problem in error.problems)
