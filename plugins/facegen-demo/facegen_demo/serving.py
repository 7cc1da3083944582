"""The web server: a socket on the loopback, and uvicorn on it."""

import socket
import threading
import webbrowser
from contextlib import suppress

import uvicorn
from h11 import LocalProtocolError
from uvicorn.protocols.http.h11_impl import H11Protocol

from facegen.core.errors import DataError
from facegen_demo.app import create_app
from facegen_demo.drawing import DemoModel

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8017
MAX_CONNECTIONS = 32


def listen(port: int | None) -> socket.socket:
    """Open a socket on the loopback.

    Args:
        port: None for DEFAULT_PORT, or any free port if it is taken.
    Raises:
        DataError: the port is taken.
    """
    ports = [port] if port is not None else [DEFAULT_PORT, 0]
    for candidate in ports:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, candidate))
            listener.listen()
            return listener
        except OSError:
            listener.close()
    raise DataError(f"--port {port}: is taken; give another port, or none for a free one")


class Http(H11Protocol):
    """uvicorn's protocol, which fails where the body of a request breaks: the request then has two answers."""

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is not HTTP, if it has no answer yet, and close the connection."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # what the page would answer is not sent any more
            self.cycle.message_event.set()
        with suppress(LocalProtocolError):
            super().send_400_response(msg)
        self.transport.close()


def server_of(drawing: DemoModel, listener: socket.socket) -> uvicorn.Server:
    """Make the server of a socket; it answers requests for that address only."""
    port = listener.getsockname()[1]
    app = create_app(drawing, frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"}))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, lifespan="off", ws="none",
        loop="asyncio", http=Http, limit_concurrency=MAX_CONNECTIONS, timeout_graceful_shutdown=3,
    )  # fmt: skip
    return uvicorn.Server(config)


def serve(drawing: DemoModel, listener: socket.socket, open_address: str | None) -> None:
    """Serve until the process is interrupted.

    Args:
        drawing: the model.
        listener: socket of `listen`; connections wait in it until the server runs.
        open_address: address to open in the browser; None opens none.
    """
    server = server_of(drawing, listener)
    if open_address is not None:
        # In a thread, because some browsers return when they are closed only.
        threading.Thread(target=webbrowser.open, args=(open_address,), daemon=True).start()
    with suppress(KeyboardInterrupt):  # uvicorn ends its work first, and raises the signal again
        server.run(sockets=[listener])
