"""Values, texts and names that programs do not expect."""

import random
import string
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

INTEGERS = (0, -1, 1, 2**31, 2**63 - 1, -(2**63), 10**9, 10**6, 65_537)
FLOATS = (0.0, -0.0, -1.5, 1e308, -1e308, 5e-324, 1e-30)
TEXTS = (
    "",
    " ",
    "x" * 3000,
    "[bold]",
    "[/]",
    "[link=http://x]",
    "{0}",
    "%s%n",
    "\u202eabc",
    "\x1b[2J",
    "../../etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/mem",
    "~",
    "-",
    "--help",
    "nan",
    "null",
    "é" * 100,
    "\U0001f600",
    "a\nb",
    "C:\\x",
    "run.toml",
    "https://example.org/x.toml",
    "speech_relid",
    "\u0000",
    "\ufeff",
    "relid",
    "1" * 200,
)
FILE_NAMES = (
    b"with space",
    b"[bold]x",
    "f\u00fcr \u65e5\u672c".encode(),
    b"\xff\xfe\x80",
    b"-x",
    b"--out",
    b"a'b\"c",
    b"x" * 200,
    b"\x1b[31mred",
    b"new\nline",
    b"%s",
    b"{x}",
    b"$(id)",
    b"*",
    b"con.",
    b"...",
    b"a.toml.toml",
    b"\xe2\x80\xae",
)


def hostile_value(draw: random.Random, depth: int = 0) -> Any:
    """Draw a TOML value of any type."""
    makers: tuple[Callable[[], Any], ...] = (
        lambda: draw.choice(INTEGERS),
        lambda: draw.choice(FLOATS),
        lambda: draw.choice(TEXTS),
        lambda: draw.choice((True, False)),
        lambda: draw.choice((date(2020, 1, 1), time(1, 2), datetime(2020, 1, 1, 1))),
        lambda: [hostile_value(draw, depth + 1) for _ in range(draw.randrange(4))] if depth < 4 else [],
        lambda: (
            {hostile_key(draw): hostile_value(draw, depth + 1) for _ in range(draw.randrange(4))} if depth < 4 else {}
        ),
        lambda: [draw.choice(INTEGERS)] * draw.choice((1, 3, 1000)),
    )
    return draw.choice(makers)()


def hostile_key(draw: random.Random) -> str:
    """Draw a key: a known one, or any text."""
    known = ("type", "name", "steps", "run", "start", "recipe", "path", "self", "__class__", "model_fields", "preset")
    return draw.choice((*known, draw.choice(TEXTS), "".join(draw.choices(string.printable, k=5))))


def hostile_bytes(draw: random.Random, text: bytes) -> bytes:
    """Damage a text: cut it, repeat parts of it, and put bytes into it."""
    for _ in range(draw.randrange(1, 4)):
        place = draw.randrange(len(text) + 1)
        inserted = draw.choice(
            (
                draw.randbytes(draw.randrange(1, 20)),
                b"\x00",
                b"\xff\xfe",
                b"[" * 5000,
                b"{a=" * 2000,
                b'"""',
                b"=",
                b"\r",
                b"\xef\xbb\xbf",
                b"9" * 10_000,
                b"x." * 3000,
                b"[[",
                b"]",
                b"\n[run]\n",
                b"inf",
                b"1e999",
                b"#",
            )
        )
        text = draw.choice((text[:place], text[:place] + inserted + text[place:], text[place:], text + text))
    return text
