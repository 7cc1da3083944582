"""Layouts of verification and retrieval: our rows, published ones, chance and notes."""

from pathlib import Path

from reports import report, share

from facegen.core.evidence import Figure
from facegen.evaluation.comparison.association import retrieval, verification
from facegen.evaluation.comparison.compare import Column


def column(folder: Path, figures: dict[str, list[Figure]]) -> Column:
    return Column(folder, report(folder, "heldout_people", figures), "voices", "voices", "speech_relid", None)


def test_verification_beside_published_rates(tmp_path: Path) -> None:
    figures = {"verification": [share("verification.real.eer", 0.3, chance=0.5)]}
    rows = {(row["method"], row["pairs"]): row for row in verification([column(tmp_path, figures)]).to_json()["rows"]}
    assert rows["voices", "real faces"]["EER"]["value"] == 0.3
    assert rows["voices", "real faces"]["AUC"] == "-"
    assert rows["FOP, baseline of FAME 2024", "MAV-Celeb v1, English, Urdu"]["EER"] == "0.379"
    assert rows["HLT, first of FAME 2024", "MAV-Celeb v1, mean"]["EER"] == "0.199"
    assert rows["guessing", ""]["AUC, same sex"] == "0.500"


def test_retrieval_prints_the_gallery_and_its_chance(tmp_path: Path) -> None:
    recalls = [share(f"retrieval.r{num}.l1", 0.1 * num, chance=num / 5000) for num in (1, 2, 5, 10)]
    table = retrieval([column(tmp_path, {"retrieval": recalls})]).to_json()
    assert table["rows"][0]["R@10"]["value"] == 1.0 and table["rows"][0]["gallery"] == "5000"
    guessing = [row for row in table["rows"] if row["method"] == "guessing"]
    assert [(row["R@10"], row["gallery"]) for row in guessing] == [("0.002", "5000")]
    assert not any("instead of" in note for note in table["notes"])
    assert {row["R@1"] for row in table["rows"] if row["method"] == "Speech2Face"} == {"not recovered"}
