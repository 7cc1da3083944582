"""One thread each: the tensors of tests are small, and cores are shared. Nothing is written into the user's cache."""

import os
import sys
from collections.abc import Iterator

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Evaluations neither download weights nor pass faces through a network of their size, unless a test is about that.
os.environ.setdefault("FACEGEN_INCEPTION_WEIGHTS", "none")
# The sounds of tests are tones, in which the optional package detects no speech.
sys.modules["silero_vad"] = None  # type: ignore[assignment]


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
