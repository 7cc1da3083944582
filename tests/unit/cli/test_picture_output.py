"""Folders of faces: what an earlier call wrote is replaced, and nothing else is touched."""

import json
from pathlib import Path

import pytest

from facegen.cli.picture_output import INDEX, check_out, write_index
from facegen.core.errors import DataError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_listed_files_that_are_not_written_again_are_deleted(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "own.png"):
        (tmp_path / name).touch()
    write_index(tmp_path, ["a.png", "b.png"], {"seed": 3})
    write_index(tmp_path, ["b.png"], {"seed": 4})
    assert names(tmp_path) == ["b.png", INDEX, "own.png"]
    assert json.loads((tmp_path / INDEX).read_text()) == {"seed": 4, "files": ["b.png"]}


@pytest.mark.parametrize("text", [
    "", "[]", '{"files": 3}', '{"files": ["../x.png", "notes.txt", "sub/x.png", 7, ".."]}',
])  # fmt: skip
def test_an_index_never_leads_to_other_files(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    (folder / "sub").mkdir(parents=True)
    others = [tmp_path / "x.png", folder / "notes.txt", folder / "sub" / "x.png"]
    for path in others:
        path.touch()
    (folder / INDEX).write_text(text)
    write_index(folder, [], {})
    assert all(path.exists() for path in others)


def test_files_and_folders_are_told_apart_by_their_suffix(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    (tmp_path / "faces").touch()
    for out in (tmp_path / "new", tmp_path / "new.mp4", tmp_path):
        check_out(out)
    with pytest.raises(DataError, match=r"x\.png: is a folder"):
        check_out(tmp_path / "x.png")
    with pytest.raises(DataError, match=r"faces: is a file; give a folder, or a file with one of the suffixes \.png"):
        check_out(tmp_path / "faces")
