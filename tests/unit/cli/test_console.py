"""The observer of the command line, on a terminal and off it."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from facegen.cli.console import BarObserver, PlainObserver, rate_text, values_text, watching


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def plain():
    out, clock = StringIO(), Clock()
    return out, clock, PlainObserver(Console(file=out, width=40), clock=clock)


def test_plain_lines_come_every_ten_seconds_and_at_the_end(plain):
    out, clock, observer = plain
    observer.start("match", 5000)
    for seconds in range(1, 13):
        clock.now = float(seconds)
        observer.advance(100 * seconds, {"loss": 1.9312})
    assert out.getvalue() == "match 1000/5000 (20%) 100/s ETA 0:00:40 loss 1.93\n"
    clock.now = 50.0
    observer.advance(5000)
    observer.finish()
    assert out.getvalue().splitlines()[-1] == "match 5000/5000 (100%) 100/s in 0:00:50 loss 1.93"


def test_eta_follows_the_last_interval_and_ignores_work_before_a_resume(plain):
    out, clock, observer = plain
    observer.start("train", 2000, done=1000)
    clock.now = 10.0
    observer.advance(1010)  # 1/s while warming up
    clock.now = 20.0
    observer.advance(1110)  # then 10/s: 890 left
    first, second = out.getvalue().splitlines()
    assert first == "train 1010/2000 (50%) 1/s ETA 0:16:30"
    assert second == "train 1110/2000 (56%) 10/s ETA 0:01:29"
    observer.finish()
    assert out.getvalue().splitlines()[-1] == "train 1110/2000 (56%) 5.5/s in 0:00:20"


def test_stalled_and_empty_stages_have_no_eta(plain):
    out, clock, observer = plain
    observer.start("fetch", 5)
    clock.now = 10.0
    observer.advance(0)
    observer.start("nothing", 0)
    observer.finish()
    assert out.getvalue().splitlines() == ["fetch 0/5 (0%) 0/s ETA -:--:--", "nothing 0/0 (0%) 0/s in 0:00:00"]


def test_nested_stage_ends_first(plain):
    out, clock, observer = plain
    observer.start("outer", 2)
    observer.start("inner", 1)
    clock.now = 1.0
    observer.advance(1)
    observer.finish()
    observer.advance(2)
    observer.finish()
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["inner", "outer"]


def test_messages_are_printed_verbatim(plain):
    out, _, observer = plain
    observer.say("[train] steps: " + "x" * 60)
    observer.warn("clip [3] is silent")
    observer.picture(Path("runs/a/samples/1.png"), "step 1")
    assert out.getvalue().splitlines() == [
        "[train] steps: " + "x" * 60,
        "Warning: clip [3] is silent",
        "step 1: runs/a/samples/1.png",
    ]


def test_watching_draws_bars_on_a_terminal_only():
    with watching(Console(file=StringIO())) as observer:
        assert isinstance(observer, PlainObserver)
    out = StringIO()
    with watching(Console(file=out, force_terminal=True, width=150, color_system="standard")) as observer:
        assert isinstance(observer, BarObserver)
        observer.start("[match]", 40)
        observer.advance(10, {"loss": 0.5})
        observer.advance(20)
        observer.warn("careful")
        observer.finish()
    drawn = out.getvalue()
    assert "[match]" in drawn and "20/40" in drawn and "loss 0.5" in drawn and "ETA" in drawn
    assert "\x1b[33mWarning:\x1b[0m careful" in drawn


@pytest.mark.parametrize(("rate", "text"), [(1234.5, "1,234/s"), (410.2, "410/s"), (2.345, "2.35/s"), (0.02, "0.02/s")])
def test_rate_text(rate, text):
    assert rate_text(rate) == text


def test_values_text():
    assert values_text({"loss": 1.93123, "k": 12345.0}) == "loss 1.93 k 1.23e+04"
