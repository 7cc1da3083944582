"""Any file in place of a recipe is read or refused with a RecipeError."""

import os
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facegen.core.errors import RecipeError
from facegen.core.kinds import RECIPE_KINDS
from facegen.core.recipe.recipe import MAX_CHAIN, default_run_name, read_recipe
from facegen.core.recipe.tables import ENGINE_TABLES

SMALL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TABLES = (*ENGINE_TABLES, "judge", "preset", "extends", "without", *(kind.table for kind in RECIPE_KINDS.values()))
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS.filter(lambda value: value is not None),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
RECIPE = """
[data]
type = "synthetic"
[conditioner]
type = "mel_spectrogram"
[discriminator]
type = "dcgan"
[match]
type = "contrastive"
[evaluate]
"""


def problems_of(path: Path, **options: object) -> list[str]:
    """Read a recipe and return its problems; any other error than a RecipeError fails the test."""
    try:
        read_recipe(path, **options)
    except RecipeError as error:
        assert error.problems
        return list(error.problems)
    return []


def are_messages(problems: list[str]) -> bool:
    """Tell whether problems can be read by people: none is empty or endless."""
    return all(problem.strip() and len(problem) < 3000 for problem in problems)


@SMALL
@given(data=st.binary(max_size=300))
def test_any_bytes(tmp_path, data):
    path = tmp_path / "r.toml"
    path.write_bytes(data)
    problems = problems_of(path)
    assert problems and are_messages(problems)  # no bytes of this length make a whole recipe


@SMALL
@given(
    tables=st.dictionaries(st.sampled_from(TABLES), VALUES, max_size=3), place=st.sampled_from(["", "preset", "judge"])
)
def test_any_value_in_place_of_any_table(tmp_path, tables, place):
    path = tmp_path / "r.toml"
    text = tomli_w.dumps({"preset": {"small": tables}} if place == "preset" else {place: tables} if place else tables)
    path.write_text(text, encoding="utf-8", errors="replace")
    assert are_messages(problems_of(path, preset="small" if place == "preset" else None))


@SMALL
@given(override=st.text(max_size=40) | st.sampled_from(["a.b", "match.steps", "run.x.y", "judge.recipe"]), value=VALUES)
def test_any_override(tmp_path, override, value):
    path = tmp_path / "r.toml"
    path.write_text(RECIPE)
    assert are_messages(problems_of(path, overrides=[f"{override}={value}"]))


@pytest.mark.parametrize("reference", ["extends", "match.run", "match.start", "draft.run", "judge.recipe"])
@pytest.mark.parametrize("size", [1, 2, 10])
@pytest.mark.parametrize("is_circle", [True, False])
def test_circles_and_chains_of_references(tmp_path, reference, size, is_circle):
    table, _, key = reference.partition(".")
    for number in range(size):
        target = f'"r{(number + 1) % size if is_circle else number + 1}.toml"'
        line = f"{table} = {target}\n{RECIPE}" if not key else RECIPE
        if (key == "run" and table == "match") or key == "start":
            line = RECIPE.replace("[match]\n", f"[match]\n{key} = {target}\n")
        elif key:
            line = f"{RECIPE}\n[{table}]\n{key} = {target}\n"
        (tmp_path / f"r{number}.toml").write_text(line)
    (tmp_path / f"r{size}.toml").write_text(RECIPE)
    problems = problems_of(tmp_path / "r0.toml")
    assert are_messages(problems)
    # Circles and long chains are refused. The judge of a judge is not read, so that it forms neither.
    is_refused = (is_circle or size > MAX_CHAIN) and reference != "judge.recipe"
    assert bool(problems) or not is_refused


def test_a_chain_that_is_too_long_is_refused_with_its_recipes(tmp_path):
    for number in range(MAX_CHAIN + 1):
        text = RECIPE.replace("[match]\n", f'[match]\nstart = "r{number + 1}.toml"\n')
        (tmp_path / f"r{number}.toml").write_text(f'{text}\n[run]\nname = "r{number}"\n')
    (tmp_path / f"r{MAX_CHAIN + 1}.toml").write_text(RECIPE)
    with pytest.raises(RecipeError, match=rf"more than {MAX_CHAIN} recipes build on each other: r0.toml -> r1.toml"):
        read_recipe(tmp_path / "r0.toml")


@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "/dev/full", "folder", "loop"])
def test_special_files_are_refused(tmp_path, kind):
    path = tmp_path / "r.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path if kind == "loop" else kind)
    with pytest.raises(RecipeError, match=r"r\.toml"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("key", "value", "limit"),
    [("conditioner.channels", [10**9], "65536"), ("discriminator.width", 10**9, "65536"),
     ("data.num_people", 10**9, "less than or equal to")],
)  # fmt: skip
def test_sizes_that_no_machine_has_are_refused(tmp_path, key, value, limit):
    (tmp_path / "r.toml").write_text(RECIPE)
    with pytest.raises(RecipeError, match=limit):
        read_recipe(tmp_path / "r.toml", overrides=[f"{key}={value}"])


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("my recipe", "my_recipe"),
        ("für_日本", "für_日本"),
        ("[bold]", "bold"),
        ("..x..", "x"),
        ("***", "run"),
        ("x" * 90, "x" * 60),
    ],
)
def test_the_name_of_a_run_follows_any_file_name(tmp_path, name, run):
    path = tmp_path / f"{name}.toml"
    path.write_text(RECIPE, encoding="utf-8")
    assert default_run_name(path) == run == read_recipe(path).run.name


def test_a_file_name_that_is_not_utf8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.toml"))
    path.write_text(RECIPE)
    assert read_recipe(path).run.name == "a"
