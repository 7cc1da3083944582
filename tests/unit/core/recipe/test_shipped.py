"""Shipped recipes: their names lead to files, and a copy in another folder reads the same."""

from pathlib import Path

import pytest

from facegen.core.errors import RecipeError
from facegen.core.recipe import shipped
from facegen.core.recipe.file import apply_override, read_tables
from facegen.core.recipe.recipe import read_recipe
from facegen.core.recipe.shipped import (
    find_recipe,
    recipe_summary,
    recipes_folder,
    shipped_recipes,
    standalone_text,
)

RECIPES = Path(__file__).parents[4] / "recipes"
NAMES = sorted(path.stem for path in RECIPES.glob("*.toml"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_checkout_ships_its_own_folder():
    assert recipes_folder() == RECIPES
    assert shipped_recipes() == {name: RECIPES / f"{name}.toml" for name in NAMES} and "speech_relid" in NAMES


def test_a_built_package_ships_the_folder_inside_it(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "facegen"
    (package / "recipes").mkdir(parents=True)
    (package.parent / "recipes").mkdir()  # of another package
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    assert recipes_folder() == package / "recipes"


def test_a_bare_name_is_a_shipped_recipe_and_a_path_is_a_path(here):
    assert find_recipe("speech_relid") == find_recipe(Path("speech_relid")) == RECIPES / "speech_relid.toml"
    assert find_recipe("speech_relid.toml") == Path("speech_relid.toml")
    assert find_recipe("./speech_relid") == Path("speech_relid")
    assert find_recipe("mine/speech_relid.toml", here) == here / "mine" / "speech_relid.toml"
    (here / "speech_relid").mkdir()  # a run of that name hides no recipe
    assert find_recipe("speech_relid", here) == RECIPES / "speech_relid.toml"


def test_a_file_of_that_very_name_comes_before_the_shipped_recipe(here):
    write(here / "speech_relid", "[data]")
    assert find_recipe("speech_relid", here) == here / "speech_relid"


def test_an_unknown_name_is_told_with_the_nearest_one(here):
    with pytest.raises(RecipeError, match=r"'speech_relit' is not a shipped recipe; did you mean 'speech_relid'\?"):
        read_recipe(Path("speech_relit"))
    write(here / "mine.toml", "[data]")
    with pytest.raises(RecipeError, match=r"'mine' is not a shipped recipe; name a file with its ending: mine\.toml$"):
        read_recipe(Path("mine"))
    with pytest.raises(RecipeError, match=r"'a{5000}' is not a shipped recipe"):
        read_recipe(Path("a" * 5000))
    (here / "runs").mkdir()
    with pytest.raises(RecipeError, match=r"^runs: cannot be read as TOML: .*directory"):
        read_recipe(Path("runs"))


def test_a_missing_file_leads_to_the_shipped_recipe_of_its_name(here):
    with pytest.raises(
        RecipeError, match=r"^recipes/speech_relid\.toml: there is no such file; .* write speech_relid$"
    ):
        read_recipe(Path("recipes/speech_relid.toml"))
    with pytest.raises(RecipeError, match=r"x\.toml: there is no such recipe; `facegen recipes` lists"):
        read_recipe(Path("nowhere/x.toml"))


def test_a_bare_name_reads_as_the_file_does(here):
    recipe = read_recipe(Path("speech_relid"), preset="small")
    assert recipe.tables == read_recipe(RECIPES / "speech_relid.toml", preset="small").tables
    assert recipe.run.name == "speech_relid"


def test_a_recipe_extends_a_shipped_one(here):
    mine = write(here / "mine.toml", 'extends = "speech_relid"', "[preset.small.train]", "steps = 7")
    tables = read_tables(mine, "small", ())
    assert tables["train"]["steps"] == 7
    assert tables["match"] == read_tables(RECIPES / "speech_relid.toml", "small", ())["match"]
    wrong = write(here / "wrong.toml", 'extends = "speech_relit"')
    with pytest.raises(RecipeError, match=r"wrong\.toml: extends: 'speech_relit' is not .* mean 'speech_relid'\?"):
        read_tables(wrong, None, ())
    with pytest.raises(RecipeError, match=r"wrong\.toml: extends = 3: must be the name or the file of a recipe"):
        read_tables(write(here / "wrong.toml", "extends = 3"), None, ())


@pytest.mark.parametrize(("table", "key"), [("match", "run"), ("match", "start"), ("draft", "run")])
def test_an_earlier_run_is_named_by_a_shipped_recipe_or_by_a_folder(table, key, here):
    mine = write(here / "mine.toml", f"[{table}]", f'{key} = "match_f2v"', f"[preset.old.{table}]", f'{key} = "pairs"')
    assert read_tables(mine, None, ())[table][key] == str(RECIPES / "match_f2v.toml")
    assert read_tables(mine, "old", ())[table][key] == "pairs"
    assert apply_override({}, f"{table}.{key}=match_f2v")[table][key] == str(RECIPES / "match_f2v.toml")
    assert apply_override({}, f"{table}.{key}=./match_f2v")[table][key] == "./match_f2v"
    (here / "match_f2v").mkdir()
    assert read_tables(mine, None, ())[table][key] == "match_f2v"


def test_an_earlier_run_of_an_unknown_name_is_refused_with_the_nearest_recipe(here):
    with pytest.raises(
        RecipeError,
        match=r"\[match\] start = 'match_dimnt': there is no folder, no shipped recipe and no shipped model of that "
        r"name; did you mean 'match_dimnet'\?",
    ):
        read_recipe(Path("match_v2f"), overrides=["match.start=match_dimnt"])
    (here / "match_dimnt").mkdir()
    assert read_recipe(Path("match_v2f"), overrides=["match.start=match_dimnt"]).earlier == {}


def test_a_judge_is_that_of_a_shipped_recipe(here):
    mine = write(here / "mine.toml", 'extends = "match_v2f.toml"', "[judge]", 'recipe = "speech_relid"')
    write(here / "match_v2f.toml", "[data]", 'type = "synthetic"')
    judge = read_tables(mine, "small", (), preset_may_lack=True)["judge"]
    assert judge["match"] == read_tables(RECIPES / "speech_relid.toml", "small", ())["match"]
    wrong = write(here / "wrong.toml", "[judge]", 'recipe = "speech_relit"')
    with pytest.raises(RecipeError, match=r"wrong\.toml: \[judge\] recipe: 'speech_relit' is not a shipped recipe"):
        read_tables(wrong, None, ())


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_in_another_folder_reads_the_same(name, here):
    copy = write(here / "copy.toml", standalone_text(name))
    for preset in (None, "small"):
        assert read_tables(copy, preset, ()) == read_tables(RECIPES / f"{name}.toml", preset, ())


def test_a_copy_keeps_comments_in_their_column():
    original = (RECIPES / "match_pins.toml").read_text().splitlines()
    changed = [(old, new) for old, new in zip(original, standalone_text("match_pins").splitlines(), strict=True)
               if old != new]  # fmt: skip
    assert [new.split("#")[0].rstrip() for _, new in changed] == ['extends = "speech_relid"', 'start = "match_dimnet"']
    assert changed[1][0].index("#") == changed[1][1].index("#")


def test_a_summary_is_the_first_sentence_of_the_first_comment():
    text = "# Wen et al. 2019 (Eq. 1): voices and\n# faces. Another sentence.\n\n# a third\nkey = 1"
    assert recipe_summary(text) == "Wen et al. 2019 (Eq. 1): voices and faces."
    assert recipe_summary("\n# late\n") == recipe_summary("") == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_recipe_has_a_summary_that_fits_a_line(name):
    summary = recipe_summary((RECIPES / f"{name}.toml").read_text())
    assert summary.endswith(".") and 30 < len(summary) <= 166
