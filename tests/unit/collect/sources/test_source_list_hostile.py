"""Any file in place of a list of sources is read or refused with messages."""

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facegen.collect.sources.source_list import read_sources
from facegen.core.errors import DataError

SMALL = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SCALARS = st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=9)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2), max_leaves=3)
KEYS = st.sampled_from(["name", "channel", "videos", "last", "consent", "licence", "sex", "language", "odd"])
HEADERS = ("name,videos", "name,channel,last", "video,start,end,x,y")
CELLS = st.text(max_size=9) | st.sampled_from(["https://", "http://[", "http://x/1", "a.mp4", "1e308", "nan", "-1"])


def outcome(path) -> tuple[int, list[str]]:
    """Read a list of sources: (number of sources, problems). An error other than a DataError fails the test."""
    problems: list[str] = []
    try:
        return len(read_sources(path, problems).sources), problems
    except DataError as error:
        return 0, problems + list(error.problems)


def are_messages(problems: list[str]) -> bool:
    return all(problem.strip() and len(problem) < 3000 for problem in problems)


@SMALL
@given(data=st.binary(max_size=200), suffix=st.sampled_from([".toml", ".csv"]))
def test_any_bytes(tmp_path, data, suffix):
    path = tmp_path / f"sources{suffix}"
    path.write_bytes(data)
    _, problems = outcome(path)
    assert problems and are_messages(problems)


@SMALL
@given(person=st.dictionaries(KEYS, VALUES, max_size=4), tables=st.dictionaries(KEYS, VALUES, max_size=1))
def test_any_person(tmp_path, person, tables):
    path = tmp_path / "sources.toml"
    path.write_text(tomli_w.dumps({**tables, "person": [{"name": "ada", **person}]}), "utf-8", "replace")
    number, problems = outcome(path)
    assert (number or problems) and are_messages(problems)


@SMALL
@given(header=st.sampled_from(HEADERS), rows=st.lists(st.lists(CELLS)))
def test_any_cells(tmp_path, header, rows):
    path = tmp_path / "sources.csv"
    path.write_text("\n".join([header, *map(",".join, rows)]), "utf-8", "replace")
    number, problems = outcome(path)
    assert (number or problems) and are_messages(problems)


@pytest.mark.parametrize("address", ["https://", "http://[", "http:///x"])
def test_an_address_without_a_host_is_no_url(tmp_path, address):
    path = tmp_path / "sources.csv"
    path.write_text(f"name,videos\nada,{address}\n")
    _, (problem,) = outcome(path)
    assert "must be a URL with http:// or https://, or the path of a file" in problem
