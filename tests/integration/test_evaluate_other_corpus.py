"""`facegen evaluate --data`: another corpus is a test set; the run's own is recognised wherever it lies."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_runs import RECIPES, settings

from facegen.cli.main import main
from facegen.core.errors import DataError
from facegen.core.evidence import Figure
from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings
from facegen.data.corpus.dataset import Packed
from facegen.data.corpus.header import Provenance
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.synthetic.speakers import Synthetic
from facegen.evaluation.evaluate import evaluate
from facegen.evaluation.report import Report

RECIPE = RECIPES / "speech_relid.toml"
NOT_SYNTHETIC = [f"data.{key}" for key in ("clip_seconds", "num_people", "num_heldout_people", "clips_per_person")]
NEVER_TRAINED_ON = "people of another corpus, none of whom the run was trained on"


class Listening(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def pack(folder: Path, prefix: str, *, num: int = 60, seed: int = 0, rate: int = 16000) -> Path:
    """People of a procedural world as a corpus of recordings, a clip each, with larger faces than the runs read."""
    world = Synthetic(
        DataSettings(image_pixels=32, speech_seconds=0.3, sample_rate_hz=rate),
        num_people=2, num_heldout_people=num, clips_per_person=1, frames_per_clip=1, clip_seconds=0.5, seed=seed,
    )  # fmt: skip
    clips = world.clips("heldout_people")
    faces = world.faces(clips.clip, clips.clip * 0).numpy()
    speech = world.speech(clips.clip, clips.clip * 0, world.track_samples).numpy()
    about = Provenance(importer="test", source="test", facegen="0", settings={})
    with CorpusWriter(folder, image_pixels=32, sample_rate_hz=rate, attribute_classes={}, provenance=about) as writer:
        for row in range(num):
            track = writer.add_track(speech[row])
            record = ClipRecord(identity=f"{prefix}{row}", utterance=f"u{row}", name=f"c{row}", track=track)
            writer.add_clip(record, faces[row : row + 1], [-1])
        writer.finish()
    return folder


def options(**changes: object) -> list[str]:
    """Settings of a tiny run on a packed corpus."""
    words = settings(**changes)
    pairs = [words[place : place + 2] for place in range(0, len(words), 2)]
    dropped = (*NOT_SYNTHETIC, "data.frames_per_clip")
    return [word for pair in pairs if pair[1].split("=")[0] not in dropped for word in pair]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run on a packed corpus of 60 people, and one on synthetic speakers."""
    folder = tmp_path_factory.mktemp("other_corpus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        begun = ["train", str(RECIPE), "--preset", "small"]
        own = ["--data", str(pack(folder / "own", "own"))]
        assert main([*begun, *options(), *own, "--out", str(folder / "run")]) == 0
        assert main([*begun, *settings(), "--out", str(folder / "synthetic")]) == 0
        yield folder


def figures(report: Report) -> dict[str, Figure]:
    return {figure.key: figure for figures in report.figures.values() for figure in figures}


def num_trained(home: Path) -> int:
    return len(Packed(DataSettings(image_pixels=16, speech_seconds=0.3), path=home / "own").clips("train"))


def test_everybody_of_another_corpus_is_measured_and_nobody_is_said_to_be_known(home: Path, tmp_path: Path) -> None:
    other = pack(tmp_path / "other", "other", num=50, seed=7)
    report = evaluate(home / "run", data=other, observer=Observer())
    assert (report.num_clips, report.num_people, report.split) == (50, 50, "all")
    assert report.people == NEVER_TRAINED_ON
    assert report.table.name == "other-all.md"
    assert report.judge.endswith("trained on own train")
    assert report.notes == []
    assert figures(report)["matching.v2f.2.real"].num_people == 50
    # Its own training faces, not those of the other corpus.
    memorised = figures(report)["memorisation.share"]
    assert memorised.note.startswith(f"nearer to one of {num_trained(home)} training faces")


def test_memorisation_is_measured_against_the_runs_own_training_faces(home: Path, tmp_path: Path) -> None:
    """The same faces under other names: most of them are training faces of the run."""
    assert num_trained(home) < 60
    distances = []
    reports = []
    for folder, seed in (("twin", 0), ("other", 7)):
        corpus = pack(tmp_path / folder / "same_name", folder, seed=seed)
        reports.append(evaluate(home / "run", data=corpus, observer=Observer()))
        distances.append(figures(reports[-1])["memorisation.distance.real"].value)
    # Two corpora of one folder name have a report each.
    names = [report.table.stem for report in reports]
    assert names == ["same_name-all", f"same_name-{reports[1].corpus_key[:8]}-all"]
    for report in reports:
        assert Report.read(report.table.with_suffix(".json")).corpus_key == report.corpus_key
    # Of 60 people, those of the fold that the run did not learn from have a distance.
    assert distances[0] < distances[1] * (60 - num_trained(home) + 10) / 60


def test_splits_of_another_corpus_are_refused(home: Path, tmp_path: Path) -> None:
    other = pack(tmp_path / "other", "other", num=30, seed=7)
    with pytest.raises(DataError, match="--split heldout_people: 'other' is not the corpus of the run"):
        evaluate(home / "run", data=other, overrides={"split": "heldout_people"}, observer=Observer())


def test_the_runs_own_corpus_is_recognised_in_another_place(home: Path, tmp_path: Path) -> None:
    """Copied first; then the original is gone, and its fingerprint in the run is all that is left."""
    shutil.copytree(home / "own", tmp_path / "copy")
    run = tmp_path / "run"
    shutil.copytree(home / "run", run)
    for _ in range(2):
        report = evaluate(run, data=tmp_path / "copy", overrides={"split": "train"}, observer=Observer())
        assert report.table.name == "train.md"
        assert report.people == "people and clips that the run was trained on"
        assert report.num_people == num_trained(home)
        assert report.notes == []
        recipe = (run / "recipe.toml").read_text()
        (run / "recipe.toml").write_text(recipe.replace(str(home / "own"), str(tmp_path / "gone")))


def test_memorisation_is_not_measured_where_the_runs_own_corpus_is_gone(home: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", pack(tmp_path / "other", "other", num=150, seed=7)
    shutil.copytree(home / "run", run)
    recipe = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(recipe.replace(str(home / "own"), str(tmp_path / "gone")))
    with pytest.raises(DataError, match="gone"):
        evaluate(run, observer=Observer())
    observer = Listening()
    report = evaluate(run, data=other, observer=observer)
    # The judge must learn from the other corpus; those that it learns from are not asked about.
    assert report.judge.endswith("trained on other train")
    assert report.split == "heldout_people"
    assert report.people == NEVER_TRAINED_ON
    note = figures(report)["memorisation.share"].note
    assert note == "not available: the run's own corpus, and with it the training faces, cannot be read"
    assert "memorisation is not measured, and a judge is trained on other" in observer.warnings[0]


def test_people_with_names_of_training_people_are_pointed_out(home: Path, tmp_path: Path) -> None:
    observer = Listening()
    report = evaluate(home / "run", data=pack(tmp_path / "other", "own", num=40, seed=7), observer=observer)
    shared = report.people.split(", ")[1].split()[0]
    assert 20 < int(shared) < 40
    assert report.notes == observer.warnings
    assert report.notes[0].startswith(f"{shared} people of other have names of people that the run was trained on (own")


def test_a_synthetic_judge_says_nothing_of_recorded_people(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = pack(tmp_path / "other", "other", num=40, seed=7)
    assert main(["evaluate", str(home / "synthetic"), "--data", str(other), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    by_key = {figure["key"]: figure for figures in report["figures"].values() for figure in figures}
    reason = "not available: the judge was trained on synthetic speakers, and these are recorded people"
    for name in ("matching.v2f.2.real", "identity.accuracy.generated", "memorisation.share"):
        assert (by_key[name]["value"], by_key[name]["note"]) == (None, reason)
    for name in ("sharpness.detail", "diversity.pixel_distance.real_other_person"):
        assert by_key[name]["value"] is not None
    assert "the run was trained on synthetic speakers, and other holds recorded people" in report["notes"][0]
    assert not {"retrieval", "distances_real"} & {picture["name"] for picture in report["pictures"]}


def test_all_splits_together(home: Path) -> None:
    report = evaluate(home / "run", overrides={"split": "all"}, observer=Observer())
    assert (report.num_people, report.table.name) == (60, "all.md")
    assert report.people == "all people of the run's corpus, including those that it was trained on"
    note = figures(report)["memorisation.share"].note
    assert note == "not available: real faces of 'all' are training faces themselves; evaluate a held-out split"


def test_a_corpus_that_does_not_fit(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is 8000 Hz, and the run reads 16000 Hz; pack the corpus again at that rate"):
        evaluate(home / "run", data=pack(tmp_path / "slow", "p", rate=8000), observer=Observer())
    with pytest.raises(DataError, match="nowhere"):
        evaluate(home / "run", data=tmp_path / "nowhere", observer=Observer())
