"""Workers of Ray are new processes: what the tests send them must be importable there, too."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(autouse=True, scope="session")
def workers_find_the_tests():
    with pytest.MonkeyPatch.context() as patch:
        paths = [str(HERE), str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # A machine that is busy with other things starts the parts of a cluster slowly; the name is Ray's own.
        patch.setenv("RAY_raylet_start_wait_time_s", "300")
        yield
