"""Stopping on SIGINT and SIGTERM: at once where nothing is lost, otherwise at the next safe place."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Stop(BaseException):
    """Request to stop. No subclass of Exception, so that no handler of failures on the way catches it.

    Attributes:
        signal_number: the signal that requested it.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


REQUESTS_TO_STOP = (KeyboardInterrupt, Stop)
"""Exceptions that pass code of plugins; every other one is a fault of the plugin."""


class Interruption:
    """Handler that turns SIGINT and SIGTERM into a request to stop; a second signal has its usual effect.

    Long work either reads `signal_number` where it can stop, or allows a stop at any time inside `may_stop`.

    Attributes:
        signal_number: the signal that requested a stop; 0 before that.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self._may_stop = False

    @contextmanager
    def listening(self, answer: Callable[[], object] = lambda: None) -> Iterator[None]:
        """Install the handlers inside the `with` block.

        Args:
            answer: called when a stop is requested and work goes on to a safe place.
        """
        earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def request(number: int, _: FrameType | None) -> None:
            self.signal_number = number
            for earlier_number, handler in earlier.items():
                signal.signal(earlier_number, handler)
            if self._may_stop:
                raise Stop(number)
            with suppress(RuntimeError):  # the signal came while the program was writing to the same stream
                answer()

        for number in earlier:
            signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    @contextmanager
    def may_stop(self) -> Iterator[None]:
        """Stop at once on a request inside the `with` block, or when it came before.

        Raises:
            Stop: a stop was requested.
        """
        self._may_stop = True
        try:
            if self.signal_number:
                raise Stop(self.signal_number)
            yield
        finally:
            self._may_stop = False
