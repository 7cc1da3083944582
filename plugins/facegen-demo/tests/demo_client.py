"""A server of the page with a tiny run, and a client that speaks plain HTTP."""

import http.client
import io
import json
import threading
import time
import uuid
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


def wav(seconds: float, pitch_hz: float = 120.0, rate_hz: int = 16000) -> bytes:
    """Encode a buzz."""
    time_seconds = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = (8000 * np.sign(np.sin(2 * np.pi * pitch_hz * time_seconds))).astype("<i2")
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return content.getvalue()


def form(fields: list[tuple[str, str | tuple[str, bytes]]]) -> tuple[bytes, str]:
    """Encode a multipart form; a file is (name, content). Return body and content type."""
    boundary = uuid.uuid4().hex
    body = b""
    for name, value in fields:
        file_name, content = ("", value.encode()) if isinstance(value, str) else value
        disposition = f'form-data; name="{name}"' + (f'; filename="{file_name}"' if file_name else "")
        body += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@dataclass(frozen=True)
class Reply:
    """Status, headers in lower case, and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def values(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Sends requests to a port of the loopback."""

    port: int

    def request(
        self, method: str, path: str, body: bytes | Iterator[bytes] = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return Reply(reply.status, {key.lower(): value for key, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def post(self, path: str, *fields: tuple[str, str | tuple[str, bytes]], permission: str = "yes") -> Reply:
        body, content_type = form([("permission", permission), *fields])
        return self.request("POST", path, body, {"Content-Type": content_type})


@contextmanager
def served(drawing: Any) -> Iterator[Client]:
    """Serve a model on a free port."""
    from facegen_demo.serving import listen, server_of

    listener = listen(None)
    server = server_of(drawing, listener)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Client(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
