"""Generators whose faults are known: what a report says of them in words.

At a size of seconds only what is clear there is asked; studies/stand_ins.py asks every metric, of more people.
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
from facegen.evaluation.verdicts import UNDECIDED, verdicts

TESTS = Path(__file__).parents[1]
RECIPE = TESTS / "stand_ins" / "stand_in.toml"
NUM_PEOPLE = 500
SMALL = {
    "data.image_pixels": 24, "data.num_people": NUM_PEOPLE, "data.num_heldout_people": 240, "judge.match.steps": 300,
    "evaluate.num_clips": 240, "evaluate.num_noises": 2,
}  # fmt: skip
METRICS = ("matching", "preference", "diversity", "sharpness", "frechet", "fidelity", "people_covered", "memorisation")
Said = tuple[dict[str, str], dict[str, Figure]]
"""{kind of verdict: its severity}, and the figures by name."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the runs; their recipe trains one judge, the first time that one is evaluated."""
    folder = tmp_path_factory.mktemp("stand_ins")
    asked = "".join(f'\n[[metric]]\ntype = "{name}"\n' for name in METRICS)
    (folder / "stand_in.toml").write_text(RECIPE.read_text() + asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TESTS)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setattr("facegen.evaluation.evaluate.draw_pictures", lambda *_, **__: ())  # they have tests of their own
        import stand_ins

        stand_ins.install()
        yield folder
    # They are no part of facegen, and leave it as they found it.
    registry.cache_clear()


def ask(home: Path, name: str) -> Said:
    settings = SMALL | {"generator.type": repr(name)}
    if name == "memoriser":
        settings["generator.num_people"] = NUM_PEOPLE
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    assert main(["train", str(home / "stand_in.toml"), *words, "--out", str(home / name)]) == 0
    report = evaluate(home / name, observer=Observer())
    return {verdict.kind: verdict.severity for verdict in verdicts(report)}, by_key(report)


@pytest.fixture(scope="module")
def perfect(home: Path) -> Said:
    return ask(home, "perfect")


def faults(said: Said) -> set[str]:
    return {kind for kind, severity in said[0].items() if severity != "good" and kind != UNDECIDED}


def test_nothing_is_wrong_with_the_renderer_itself(perfect: Said) -> None:
    assert faults(perfect) == set()
    assert {"realism", "detail", "collapse", "condition", "memory"} <= set(perfect[0])


def test_the_judge_matches_the_renderers_faces_as_well_as_real_ones(perfect: Said) -> None:
    """Each under a noise of its own; a few noises that all share would make it look better than real."""
    for direction in ("v2f", "f2v"):
        real, drawn = (perfect[1][f"matching.{direction}.10.{kind}"] for kind in ("real", "generated"))
        assert real.low is not None and drawn.low is not None and drawn.high is not None
        assert real.low > 2 * 0.1
        assert drawn.low < real.value < drawn.high
    assert perfect[1]["sharpness.detail"].value == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("name", "kinds", "others"), [
    # A judge who has seen few people knows their faces by heart, and prefers them.
    ("memoriser", {"memory"}, {"overshoot"}),
    ("collapsed", {"collapse"}, set()),
    ("unconditional", {"condition"}, set()),
    ("noise", {"realism", "detail"}, {"condition", "people"}),
])  # fmt: skip
def test_the_fault_is_named(home: Path, perfect: Said, name: str, kinds: set[str], others: set[str]) -> None:
    answer = ask(home, name)
    assert kinds <= faults(answer) <= kinds | others
    assert {answer[0][kind] for kind in kinds} == {"bad"}


def test_exaggeration_is_overshoot(home: Path, perfect: Said) -> None:
    answer = ask(home, "stereotyper")
    assert "overshoot" in faults(answer)
    assert faults(answer) <= {"overshoot", "realism"}
    name = "matching.v2f.10.generated"
    assert answer[1][name].value > perfect[1][name].value
    assert answer[1]["preference.over_true"].note.startswith("above one half")
