"""Exceptions that no caller receives: of threads, of `__del__`, and of functions that are called at exit."""

import os
import sys
import threading
import traceback
from contextlib import suppress
from types import TracebackType

from facegen.cli.streams import print_error


def report_background_faults() -> None:
    """Report such exceptions in one line from now on, for the rest of the process; Python prints tracebacks of them.

    The program alone calls it: the hooks of a process that merely imports facegen are not ours.
    """
    reported: set[str] = set()

    def report(place: str, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        # At the end of the process, modules that this needs may be gone.
        with suppress(Exception):
            text = _explain(place, error or kind(), trace)
            if text not in reported and not issubclass(kind, SystemExit):
                reported.add(text)
                print_error(text, label="Warning:")

    def of_thread(fault: threading.ExceptHookArgs) -> None:
        place = "a thread" if fault.thread is None else f"the thread '{fault.thread.name}'"
        report(place, fault.exc_type, fault.exc_value, fault.exc_traceback)

    threading.excepthook = of_thread
    sys.unraisablehook = lambda fault: report(
        (fault.err_msg or "the removal of an object").removeprefix("Exception ignored in "),
        fault.exc_type,
        fault.exc_value,
        fault.exc_traceback,
    )


def _explain(place: str, error: BaseException, trace: TracebackType | None) -> str:
    from facegen.core.part_faults import TRACEBACK
    from facegen.core.plugins import source_of_module
    from facegen.core.text.raised import raised

    frames = [(source_of_module(str(frame.f_globals.get("__name__"))), frame, line)
              for frame, line in reversed(list(traceback.walk_tb(trace)))]  # fmt: skip
    source, frame, line = next((one for one in frames if one[0]), frames[0] if frames else (None, None, 0))
    where = f" ({frame.f_code.co_filename}:{line})" if frame else ""
    owner = f"{source}: " if source else ""
    text = f"{owner}an exception in {place}{where}: {raised(error)}; the command is not affected"
    if os.environ.get(TRACEBACK):
        return text + "; the traceback:\n" + "".join(traceback.format_exception(error)).rstrip()
    return f"{text}; set {TRACEBACK}=1 to see the traceback"
