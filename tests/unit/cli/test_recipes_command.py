"""facegen recipes, in one process."""

import json
from pathlib import Path

import pytest

from facegen.cli.main import main
from facegen.core.recipe.shipped import shipped_recipes, standalone_text


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_shipped_recipe_is_listed_with_a_line(capsys):
    assert main(["recipes"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["recipe", "summary"]
    assert [line.split()[0] for line in lines] == list(shipped_recipes())
    assert main(["recipes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(shipped_recipes())
    for row, line in zip(rows, lines, strict=True):
        assert row["summary"] in line and Path(row["path"]).is_file()


def test_one_is_printed_as_it_stands(capsys):
    assert main(["recipes", "match_pins"]) == 0
    assert capsys.readouterr().out == shipped_recipes()["match_pins"].read_text()


def test_one_is_copied_and_never_over_another_file(here, capsys):
    assert main(["recipes", "match_pins", "--copy", "mine/my.toml"]) == 0
    assert capsys.readouterr().out == "Recipe: mine/my.toml, a copy of match_pins\n"
    copy = here / "mine" / "my.toml"
    assert copy.read_text() == standalone_text("match_pins")
    copy.write_text("changed")
    assert main(["recipes", "speech_relid", "--copy", "mine/my.toml"]) == 1
    assert "mine/my.toml: exists already; name a new file" in capsys.readouterr().err
    assert copy.read_text() == "changed"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["speech_relit"], 1, "'speech_relit' is not a shipped recipe; did you mean 'speech_relid'?"),
        (["--copy", "my.toml"], 2, "--copy needs the NAME of a recipe"),
        (["speech_relid", "--copy", "my"], 2, "'my' must end in .toml"),
        (["speech_relid", "--json"], 2, "--json prints the list of recipes; leave NAME out"),
        (["speech_relid", "--copy", "file/my.toml"], 1, "file/my.toml: cannot be written: "),
    ],
)
def test_mistakes_are_told(arguments, code, message, here, capsys):
    (here / "file").write_text("")
    assert main(["recipes", *arguments]) == code
    assert message in capsys.readouterr().err
    assert not list(here.rglob("*.toml"))


def test_a_folder_of_its_name_hides_no_recipe(here, capsys):
    (here / "speech_relid").mkdir()
    assert main(["check", "speech_relid", "--preset", "smal"]) == 1
    assert "speech_relid.toml: preset 'smal' is not in the recipe; did you mean 'small'?" in capsys.readouterr().err
