"""Stopping on request: at once where nothing is lost by it, and else as soon as what is being written is whole."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop(BaseException):
    """Somebody asked to stop. No Exception, so that nobody on the way takes it for a failure of what was going on.

    Attributes:
        signal_number: how.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Interruption:
    """Takes SIGINT and SIGTERM as requests to stop; a second one ends the process as it would have anyway.

    Whoever does long work looks at `signal_number` where it can stop, or says by `may_stop` that any moment is as good.

    Attributes:
        signal_number: how somebody asked; 0 while nobody has.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self._may_stop = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while this is open."""
        earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def request(number: int, _: FrameType | None) -> None:
            self.signal_number = number
            for each, handler in earlier.items():
                signal.signal(each, handler)
            if self._may_stop:
                raise Stop(number)

        for number in earlier:
            signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    @contextmanager
    def may_stop(self) -> Iterator[None]:
        """Inside, a request stops at once; one that came before does, too.

        Raises:
            Stop: somebody asked.
        """
        self._may_stop = True
        try:
            if self.signal_number:
                raise Stop(self.signal_number)
            yield
        finally:
            self._may_stop = False
