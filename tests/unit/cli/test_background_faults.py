"""Exceptions that no caller receives end in one line each."""

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys, threading
sys.argv = ["facegen", "recipes"]
from facegen.cli.main import main

class Removed:
    def __del__(self):
        1 / 0

def work():
    Removed()
    for _ in range(2):
        thread = threading.Thread(target=lambda: 1 / 0, name="sync")
        thread.start()
        thread.join()
    threading.Thread(target=sys.exit).start()

code = main()
work()
atexit.register(lambda: [][0])
sys.exit(code)
"""


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment)


def test_threads_removed_objects_and_functions_at_exit_are_reported_once_and_in_one_line():
    done = run()
    lines = done.stderr.splitlines()
    assert done.returncode == 0 and len(lines) == 3, done.stderr
    assert all(line.startswith("Warning: an exception in ") for line in lines)
    assert "the removal of an object (<string>:8): ZeroDivisionError" in lines[0]
    assert "the thread 'sync' (<string>:13): ZeroDivisionError: division by zero; the command is not" in lines[1]
    assert "atexit callback (<string>:20): IndexError" in lines[2]


def test_the_traceback_is_shown_on_request():
    assert "Traceback (most recent call last)" in run(FACEGEN_TRACEBACK="1").stderr


def test_a_plugin_is_named(capsys, monkeypatch):
    from facegen.cli import background_faults
    from facegen.core import plugins

    source = plugins.Source("odd", "facegen-odd", "0.1.0")
    monkeypatch.setattr(plugins, "source_of_module", lambda module: source if module == __name__ else None)
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    text = background_faults._explain("the thread 'x'", caught.value, caught.tb)
    assert text.startswith("plugin 'odd' (package facegen-odd 0.1.0): an exception in the thread 'x'")
    assert f"({__file__}:" in text


def test_a_process_that_calls_the_program_with_words_keeps_its_hooks():
    import threading

    from facegen.cli.main import main

    before = threading.excepthook, sys.unraisablehook
    assert main(["--version"]) == 0
    assert (threading.excepthook, sys.unraisablehook) == before
