"""Exceptions of other people's code in messages."""

from facegen.core.text.shown import cut

MAX_CHARACTERS = 1000


def raised(error: BaseException) -> str:
    """Return the class and the text of an exception, if it has a text: its own `__str__` may fail, too."""
    try:
        text = str(error)
    except Exception:
        text = ""
    name = type(error).__name__
    return f"{name}: {cut(text, MAX_CHARACTERS)}" if text else name
