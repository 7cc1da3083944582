"""The page of results: runs of one table, and costs of runs."""

from collections.abc import Callable
from pathlib import Path

from studies.report_figures import SEEN, STRANGERS
from studies.results_page import write_page

DETAIL = {"sharpness.detail": (0.5, 0.4, 0.55)}


def test_tables_hold_comparable_runs_and_their_costs(write: Callable[..., None], tmp_path: Path) -> None:
    about = {"corpus": "synthetic", "num_clips": 500, "num_people": 400}
    judges = {"speech2face": ("aaaaaaaa", "cccccccc"), "speech_relid": ("aaaaaaaa", "cccccccc"),
              "speech_relativistic": ("bbbbbbbb", "cccccccc"), "voice2face": ("aaaaaaaa", "dddddddd")}  # fmt: skip
    for run, (judge, corpus) in judges.items():
        write(run, STRANGERS, DETAIL, judge_key=judge, corpus_key=corpus, **about)
        (tmp_path / run / "recipe.toml").write_text("[match]\nstart = '/elsewhere/match_f2v'\n")
    seconds = {"speech2face": {"train": 61.4, "evaluate": 7.6}}
    write_page(tmp_path / "page.md", tmp_path, "small", list(judges), seconds)
    page = (tmp_path / "page.md").read_text()
    section = page.split("## Faces from speech, strangers")[1]
    tables = {part.splitlines()[0][:6]: part for part in section.split("Judge ")[1:]}
    assert [title for title in section.splitlines() if title.startswith("Judge")] == [
        "Judge aaaaaa, on heldout_people of synthetic corpus cccccc: 500 clips of 400 people.",
        "Judge bbbbbb, on heldout_people of synthetic corpus cccccc: 500 clips of 400 people.",
        "Judge aaaaaa, on heldout_people of synthetic corpus dddddd: 500 clips of 400 people.",
    ]
    assert "| speech_relativistic |" in tables["bbbbbb"] and "| speech_relid |" not in tables["bbbbbb"]
    row = next(line for line in section.splitlines() if line.startswith("| speech2face |"))
    assert [cell.strip() for cell in row.split("|")][-5:] == ["", "match_f2v", "61", "8", ""]
    assert "| 0.500 (0.400 to 0.550) |" in row
    assert "The presets were tuned on runs of this seed." in page


def test_a_page_of_some_runs_tests_their_findings_and_names_the_others(
    write: Callable[..., None], tmp_path: Path
) -> None:
    kept = {"identity.accuracy.generated": (0.8, 0.75, 0.85), "identity.accuracy.real": (0.9, 0.85, 0.95)}
    about = {
        "corpus": "synthetic",
        "num_clips": 500,
        "num_people": 62,
        "judge_key": "aaaaaaaa",
        "corpus_key": "cccccccc",
    }
    write("speech_lsgan_code", SEEN, kept, **about)
    (tmp_path / "speech_lsgan_code" / "recipe.toml").touch()
    write_page(tmp_path / "page.md", tmp_path, "medium", ["speech_lsgan_code"], {})
    page = (tmp_path / "page.md").read_text()
    tested, untested = page.split("Not tested, as not all of their runs were made: ")
    assert "| thesis 10a, code | speech works" in tested and "by the network of the authors' code" in tested
    assert tested.count("| thesis ") == 1
    assert "thesis 10c (speech_lsgan, mel_lsgan); " in untested and "Choi 1 (match_v2f, match_f2v)" in untested
