"""Arguments of the Python interface are checked by their annotations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.core.arguments import Count, Integer, PathOrName, checked
from facegen.core.errors import DataError, FacegenError

ANY: Any = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers(), max_size=2),
    st.just(object()), st.complex_numbers(), st.sampled_from([np.int64(2), np.zeros(3), Path("x"), len, Path("\0")]),
)  # fmt: skip


@checked
def draw(path: PathOrName, count: Count = 1, *, seed: Integer | None = None, names: Sequence[str] = ()) -> object:
    return path, count, seed, names


@settings(max_examples=150, deadline=None, derandomize=True)
@given(path=ANY, count=ANY, seed=ANY, names=ANY)
def test_any_argument_is_passed_unchanged_or_refused(path, count, seed, names):
    try:
        assert draw(path, count, seed=seed, names=names) == (path, count, seed, names)
    except FacegenError as error:
        assert error.problems and all(problem.startswith("draw: ") for problem in error.problems)
    else:
        assert isinstance(path, str | Path) and "\0" not in str(path)
        assert count >= 1 and (seed is None or -(2**63) <= seed < 2**63)
        assert all(isinstance(name, str) for name in names)


def test_every_wrong_argument_is_named_and_no_other():
    with pytest.raises(DataError) as raised:
        draw(3, count=np.int64(0), seed=1.5)
    assert len(raised.value.problems) == 3
    assert raised.value.problems[0].startswith("draw: path = 3: must be a valid string")
    assert raised.value.problems[1].endswith("must be greater than or equal to 1")
    assert raised.value.problems[2] == "draw: seed = 1.5: must be an integer"
    assert draw("x", np.int64(2)) == ("x", 2, None, ())
    with pytest.raises(DataError, match="draw: count = True: must be an integer"):
        draw("x", True)


def test_a_fault_of_the_disk_is_one_of_facegen():
    @checked
    def read(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    with pytest.raises(DataError, match=r"^/x/y: is not accessible: permission denied; change") as raised:
        read("/x/y")
    assert isinstance(raised.value.__cause__, PermissionError)
