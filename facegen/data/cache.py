"""Where facegen keeps what it can make again."""

import os
from pathlib import Path


def user_cache(name: str) -> Path:
    """A folder of the user's cache (XDG_CACHE_HOME, or ~/.cache); not made before it is needed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "facegen" / name
