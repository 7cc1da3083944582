"""Reports of generators with known faults name these faults.

The size is small, so only clear faults are tested; studies/stand_ins.py tests every metric on more people.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from facegen.cli.main import main
from facegen.core.evidence import Figure
from facegen.core.progress import Observer
from facegen.core.registry import registry
from facegen.evaluation.evaluate import evaluate
from facegen.evaluation.figures import by_key
from facegen.evaluation.verdicts.verdict import UNDECIDED
from facegen.evaluation.verdicts.verdicts import verdicts

TESTS = Path(__file__).parents[1]
RECIPE = TESTS / "stand_ins" / "stand_in.toml"
NUM_PEOPLE = 500
SMALL = {
    "data.image_pixels": 24, "data.num_people": NUM_PEOPLE, "data.num_heldout_people": 240, "judge.match.steps": 300,
    "evaluate.num_clips": 240, "evaluate.num_noises": 2,
}  # fmt: skip
METRICS = ("matching", "preference", "diversity", "sharpness", "frechet", "fidelity", "people_covered", "memorisation")
Answer = tuple[dict[str, str], dict[str, Figure]]
"""{kind of verdict: severity} and {key: figure}."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the runs; they share one judge, which the first evaluation trains."""
    folder = tmp_path_factory.mktemp("stand_ins")
    metrics = "".join(f'\n[[metric]]\ntype = "{name}"\n' for name in METRICS)
    (folder / "stand_in.toml").write_text(RECIPE.read_text() + metrics)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TESTS)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setattr(
            "facegen.evaluation.evaluate.draw_pictures", lambda *_, **__: ()
        )  # tested in tests/unit/evaluation/render
        import stand_ins

        stand_ins.install()
        yield folder
    # The stand-ins are no part of facegen: remove them from the registry.
    registry.cache_clear()


def evaluate_stand_in(home: Path, name: str) -> Answer:
    settings = SMALL | {"generator.type": repr(name)}
    if name == "memoriser":
        settings["generator.num_people"] = NUM_PEOPLE
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    assert main(["train", str(home / "stand_in.toml"), *words, "--out", str(home / name)]) == 0
    report = evaluate(home / name, observer=Observer())
    return {verdict.kind: verdict.severity for verdict in verdicts(report)}, by_key(report)


@pytest.fixture(scope="module")
def perfect(home: Path) -> Answer:
    return evaluate_stand_in(home, "perfect")


def faults(answer: Answer) -> set[str]:
    return {kind for kind, severity in answer[0].items() if severity != "good" and kind != UNDECIDED}


def test_report_of_the_renderer_names_no_fault(perfect: Answer) -> None:
    assert faults(perfect) == set()
    assert {"realism", "detail", "collapse", "condition", "memory"} <= set(perfect[0])


def test_judge_matches_rendered_faces_as_well_as_real_ones(perfect: Answer) -> None:
    """Each row has its own noise: shared noises would raise the score of generated faces."""
    for direction in ("v2f", "f2v"):
        real, drawn = (perfect[1][f"matching.{direction}.10.{kind}"] for kind in ("real", "generated"))
        assert real.low is not None and drawn.low is not None and drawn.high is not None
        assert real.low > 2 * 0.1
        assert drawn.low < real.value < drawn.high
    assert perfect[1]["sharpness.detail"].value == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("name", "kinds", "others"), [
    # A judge trained on few people memorises their faces and prefers them.
    ("memoriser", {"memory"}, {"overshoot"}),
    ("collapsed", {"collapse"}, set()),
    ("unconditional", {"condition"}, set()),
    ("noise", {"realism", "detail"}, {"condition", "people"}),
])  # fmt: skip
def test_report_names_the_fault(home: Path, perfect: Answer, name: str, kinds: set[str], others: set[str]) -> None:
    answer = evaluate_stand_in(home, name)
    assert kinds <= faults(answer) <= kinds | others
    # A judge of so few people matches real faces too rarely for more than a warning about the condition.
    assert {answer[0][kind] for kind in kinds} == ({"warning"} if kinds == {"condition"} else {"bad"})


def test_exaggeration_is_reported_as_overshoot(home: Path, perfect: Answer) -> None:
    answer = evaluate_stand_in(home, "stereotyper")
    assert "overshoot" in faults(answer)
    assert faults(answer) <= {"overshoot", "realism"}
    name = "matching.v2f.10.generated"
    assert answer[1][name].value > perfect[1][name].value
    assert answer[1]["preference.over_true"].note.startswith("above one half")
