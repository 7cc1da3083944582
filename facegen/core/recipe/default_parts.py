"""Parts of a recipe that lacks the table of their kind."""

from importlib.util import find_spec

DEFAULT_METRICS = (
    "matching", "identity", "correlation", "preference", "retrieval", "diversity", "sharpness", "detection", "frechet",
    "fidelity", "people_covered", "memorisation", "factors", "verification", "readings",
)  # fmt: skip
DEFAULT_LOGGERS = ("tensorboard",)


def default_parts(kind: str) -> tuple[str, ...]:
    """Return the names of the default parts of a kind."""
    if kind == "logger":  # the absence of an optional package is no fault if the recipe does not name it
        return DEFAULT_LOGGERS if find_spec("tensorboard") else ()
    return DEFAULT_METRICS if kind == "metric" else ()
