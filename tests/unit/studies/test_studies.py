"""`python -m studies`: every study is listed, documented and callable."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studies import seeds
from studies.__main__ import STUDIES, main


@pytest.mark.parametrize("study", STUDIES)
def test_every_study_explains_its_options(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([study, "--help"])
    text = capsys.readouterr().out
    assert f"python -m studies {study}" in text.split("options:")[0], "its docstring shows a call"


def test_unknown_study_is_refused_with_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["reproduc"])
    assert "invalid choice: 'reproduc' (choose from" in capsys.readouterr().err


def test_findings_without_runs_print_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "--runs", str(tmp_path)]) == 1
    advice = f"{tmp_path}: no evaluated runs; run: python -m studies reproduce --out {tmp_path}\n"
    assert capsys.readouterr().out == advice


def test_findings_are_printed_as_a_table(tmp_path: Path, write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    write("name_acgan", "train", {"fidelity.judge.density": (0.5, 0.4, 0.6)})
    assert main(["findings", "--runs", str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    sources = [*(f"thesis {number}" for number in (*range(1, 10), "10a", "10a, code", "10b", "10c", 11)),
               *(f"Choi {number}" for number in range(1, 7))]  # fmt: skip
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == sources
    assert all(row.endswith("| **undecided** |") for row in rows)


def test_seeds_trains_seed_by_seed_and_compares_recipe_by_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[str, ...]] = []
    compared: list[list[str]] = []

    def compare(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        compared.append(words[3:])
        Image.new("RGB", (4, 2), "red").save(words[words.index("--picture") + 1])
        return subprocess.CompletedProcess(words, 0, stdout="| figure |\n")

    monkeypatch.setattr(seeds, "run_facegen", lambda *words: trained.append(words) or 0)
    monkeypatch.setattr(subprocess, "run", compare)
    words = ["seeds", "--recipes", "speech_relid", "wav2pix", "--seeds", "3", "7", "--out", str(tmp_path)]
    assert main([*words, "--set", "train.steps=2"]) == 0
    folders = [tmp_path / f"seed{seed}" / recipe for recipe in ("speech_relid", "wav2pix") for seed in (3, 7)]
    order = [Path(words[words.index("--out") + 1]) for words in trained]
    assert order == [folders[0], folders[2], folders[1], folders[3]]
    assert trained[0][-4:] == ("--set", "run.seed=3", "--set", "train.steps=2")
    (words,) = compared
    assert words[:5] == ["compare", *map(str, folders)]
    assert (tmp_path / "seeds.md").read_text().startswith("| figure |\n\n![")
    with Image.open(tmp_path / "seeds.webp") as picture:
        assert (picture.format, picture.size) == ("WEBP", (4, 2))
    assert not (tmp_path / "seeds.png").exists()


def test_seeds_stops_where_a_training_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for code, answer in ((1, 1), (2, 1), (130, 130)):
        monkeypatch.setattr(seeds, "run_facegen", lambda *_, code=code: code)
        assert main(["seeds", "--out", str(tmp_path)]) == answer
