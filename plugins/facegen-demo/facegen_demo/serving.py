"""The web server: a socket on the loopback, and uvicorn on it."""

import socket
import threading
import webbrowser
from contextlib import suppress

import uvicorn

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


def server_of(drawing: DemoModel, listener: socket.socket) -> uvicorn.Server:
    """Make the server of a socket; it answers requests for that address only."""
    port = listener.getsockname()[1]
    app = create_app(drawing, frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"}))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, lifespan="off", ws="none",
        loop="asyncio", http="h11", limit_concurrency=MAX_CONNECTIONS, timeout_graceful_shutdown=3,
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
