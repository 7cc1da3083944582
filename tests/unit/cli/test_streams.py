"""Standard streams that are closed, full or without a reader, and messages of any length."""

import subprocess
import sys
from contextlib import suppress

import pytest
from rich.console import Console

from facegen.cli.console import BestEffortConsole, LiteralConsole, styled
from facegen.cli.main import MAX_FOLDERS, main
from facegen.cli.streams import MAX_CHARACTERS, MAX_PROBLEMS, out_of_memory, report_problems

CALL = f"'{sys.executable}' -m facegen recipes"


@pytest.mark.parametrize(
    ("redirection", "code", "message"),
    [
        ("> /dev/full", 1, "standard output: cannot be written: no space is left on the disk"),
        (">&-", 0, ""),
        ("2>&- >&- <&-", 0, ""),
        ("2> /dev/full", 0, ""),
        ("| head -c 1 > /dev/null; exit ${PIPESTATUS[0]}", None, ""),
    ],
)
def test_output_that_cannot_be_written(redirection, code, message):
    done = subprocess.run(["bash", "-c", f"{CALL} {redirection}"], capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert message in done.stderr and (code is None or done.returncode == code)


def test_messages_are_bounded_and_printable(capsys):
    assert report_problems(["x" * 10_000, "a\x1b[2Jb", *["y"] * 100]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == MAX_PROBLEMS + 1 and len(lines[0]) < MAX_CHARACTERS + 30
    assert (
        lines[1] == "Error: a\\x1b[2Jb"
        and lines[-1] == f"Error: {102 - MAX_PROBLEMS} more problems of this kind are not shown."
    )


def test_an_unexpected_fault_of_the_disk_is_a_message(capsys, monkeypatch):
    from facegen.cli import recipes

    def fail(*arguments, **options):
        raise PermissionError(13, "Permission denied", "/x/[bold]y")

    monkeypatch.setattr(recipes, "shipped_recipes", fail)
    assert main(["recipes"]) == 1
    assert capsys.readouterr().err.startswith("Error: /x/[bold]y: is not accessible: permission denied; change")


def test_a_path_of_too_many_folders_is_refused(capsys):
    assert main(["inspect", "d/" * (MAX_FOLDERS + 1)]) == 2
    assert f"more than {MAX_FOLDERS} folders" in capsys.readouterr().err


def test_lack_of_memory_is_known():
    assert out_of_memory(MemoryError()) and not out_of_memory(RuntimeError("a bug"))
    assert out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))


def test_strings_are_printed_as_they_are(capsys):
    console = LiteralConsole(width=80, force_terminal=False)
    console.print("[bold]x[/]\x1b[2J :smile:")
    console.print(styled("a[/b] ", ("[red]\x07", "bold")))
    assert capsys.readouterr().out == "[bold]x[/]\\x1b[2J :smile:\na[/b] [red]\\x07\n"


def test_progress_may_get_lost():
    with open("/dev/full", "w") as full:
        console: Console = BestEffortConsole(file=full, highlight=False)
        console.print("x" * 100_000)
        assert console.quiet
        with suppress(OSError):
            full.close()
