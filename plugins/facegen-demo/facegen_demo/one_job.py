"""One job at a time: a form is read, drawn in a thread, and freed."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from facegen.core.errors import DataError, FacegenError
from facegen_demo.uploads import TooLargeError, capped, read_form

UPLOAD_SECONDS = 60.0
PERMISSION = "permission"
BUSY = "another drawing is in progress; try again in a moment"
Work = Callable[[FormData], Mapping[str, Any]]


class OneJob:
    """Runs jobs, and refuses one that comes while another runs."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def respond(self, request: Request, work: Work) -> Response:
        """Read the form of a request, do the work with it, and answer with its values.

        Args:
            request: with a form that has the field "permission".
            work: runs in a thread; a FacegenError becomes a message.
        """
        if self._lock.locked():
            await _discard(request)
            return JSONResponse({"error": BUSY}, status_code=503, headers={"Retry-After": "2"})
        async with self._lock:
            try:
                form = await asyncio.wait_for(read_form(request), UPLOAD_SECONDS)
            except TooLargeError as error:
                return _error(error, 413)
            except DataError as error:
                return _error(error, 400)
            except (TimeoutError, ClientDisconnect):
                return JSONResponse({"error": "the upload was not completed"}, status_code=408)
            try:
                if form.get(PERMISSION) != "yes":
                    raise DataError("confirm that it is your voice, or that you have permission")
                return JSONResponse(await run_in_threadpool(work, form))
            except FacegenError as error:
                return _error(error, 400)
            finally:
                await form.close()


async def _discard(request: Request) -> None:
    """Read the rest of a request that is refused; a browser reads no answer while it still sends."""
    with suppress(TooLargeError, TimeoutError, ClientDisconnect):
        async with asyncio.timeout(UPLOAD_SECONDS):
            async for _ in capped(request.stream()):
                pass


def _error(error: FacegenError, status: int) -> Response:
    return JSONResponse({"error": "\n".join(error.problems)}, status_code=status, headers={"Connection": "close"})
