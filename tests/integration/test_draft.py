"""Runs that build on earlier runs: refined drafts, recipes trained first, shared match stages."""

import shutil
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tiny_runs import Facegen

FIRST = """
[data]
type = "synthetic"
image_pixels = 16
speech_seconds = 0.1
clip_seconds = 0.1
num_people = 12
num_heldout_people = 4
frames_per_clip = 1
clips_per_person = 2
[[conditioner]]
type = "one_hot"
condition_dim = 6
[[condition]]
type = "conditioning_augmentation"
width = 5
[generator]
type = "stackgan_stage1"
noise_dim = 4
width = 4
[discriminator]
type = "projection"
width = 4
max_width = 8
[[objective]]
type = "relativistic"
[train]
steps = 3
batch_size = 6
log_steps = 1
checkpoint_steps = 1
sample_steps = 3
monitor_steps = 3
[preset.small.train]
steps = 2
"""
SECOND = (
    FIRST.replace("image_pixels = 16", "image_pixels = 32")
    .replace('type = "stackgan_stage1"\nnoise_dim = 4', 'type = "stackgan_stage2"\ndraft_pixels = 16')
    .replace("steps = 3\nbatch", "steps = 4\nbatch")
    + '\n[draft]\nrun = "first.toml"\nimage_pixels = 16\n'
)
SPEECH = """
[data]
type = "synthetic"
image_pixels = 16
speech_seconds = 0.1
clip_seconds = 0.1
num_people = 12
num_heldout_people = 4
frames_per_clip = 1
[[conditioner]]
type = "one_hot"
condition_dim = 6
trained = "frozen"
[discriminator]
type = "projection"
width = 4
max_width = 8
[match]
type = "softmax"
in_batch = true
steps = 2
batch_size = 6
checkpoint_steps = 1
[generator]
type = "adain"
noise_dim = 4
width = 4
max_width = 8
[[objective]]
type = "relativistic"
[train]
steps = 2
batch_size = 6
checkpoint_steps = 1
"""
MATCH_ONLY = SPEECH.split("[generator]")[0]


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    folder = tmp_path / "recipes"
    folder.mkdir()
    for name, text in {"first": FIRST, "second": SECOND, "speech": SPEECH, "pairs": MATCH_ONLY}.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def checkpoint(run: Path, step: int, name: str) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / f"train-{step:08d}" / f"{name}.safetensors")


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def portraits(path: Path) -> torch.Tensor:
    """Draw two names from two noises: (noises, names, 3, H, W)."""
    from facegen.core.randomness import repeatable
    from facegen.inference.load import load_face_pipeline
    from facegen.inference.sample import Subject, subjects_batch
    from facegen.training.face_pipeline import choose_noises
    from facegen.training.runs.run import Run

    run, cpu = Run.open(path), torch.device("cpu")
    pipeline = load_face_pipeline(run, cpu)
    names = [Subject(name, name=name) for name in ("speaker-3", "speaker-5")]
    encoding = pipeline.encode(subjects_batch(names, pipeline.needs, run.data, cpu))
    with repeatable(cpu, "portraits"):
        return torch.stack([pipeline.sample(encoding, noise) for noise in choose_noises(pipeline.noise, 2, 0, cpu)])


def steps(run: Path, stage: str) -> list[str]:
    return [folder.name for folder in sorted(run.glob(f"checkpoints/{stage}*"))]


def test_draft_is_trained_first_and_kept_in_the_refined_run(facegen: Facegen, recipes: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert facegen("train", recipes / "second.toml", "--preset", "small", "--out", runs / "refined") == 0
    first, second = runs / "first", runs / "refined"
    assert steps(first, "train")[-1] == "train-00000002"
    drawn = checkpoint(first, 2, "ema")
    for step in (1, 2):
        pipeline = checkpoint(second, step, "face_pipeline")
        kept = {key.removeprefix("draft."): value for key, value in pipeline.items() if key.startswith("draft.")}
        assert equal(kept, drawn)  # neither its weights nor its batch statistics change
    learnt = [checkpoint(second, step, "face_pipeline")["generator.to_rgb.weight"] for step in (1, 2)]
    assert not torch.equal(*learnt)

    before = portraits(second)
    assert before.shape == (2, 2, 3, 32, 32)
    assert not torch.equal(before[0], before[1])  # other noise, by way of the draft alone
    shutil.rmtree(first)
    shutil.rmtree(recipes)
    assert torch.equal(portraits(second), before)
    assert facegen("generate", second, "--name", "speaker-3", "--count", "2", "--out", tmp_path / "faces") == 0
    with Image.open(tmp_path / "faces" / f"speaker-3_{second.name}_seed0_2.png") as face:
        assert face.size == (32, 32)
    # The run resumes without the earlier run: its folder holds all that it needs.
    assert facegen("train", second / "recipe.toml", "--out", second, "--resume") == 0


def test_earlier_run_resumes_bitwise(facegen: Facegen, recipes: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole" / "second", tmp_path / "parts" / "second"
    assert facegen("train", recipes / "second.toml", "--out", whole) == 0
    for training_steps in (2, 1 + 2):  # stop in the earlier run, then in the run itself
        stop_after(training_steps, recipes / "second.toml", parts)
    assert steps(parts.parent / "first", "train")[-1] == "train-00000003"
    assert steps(parts, "train")[-1] == "train-00000002"
    assert facegen("train", recipes / "second.toml", "--out", parts) == 1  # an existing run is not overwritten
    assert facegen("train", recipes / "second.toml", "--out", parts, "--resume") == 0
    for name in ("face_pipeline", "ema", "discriminator", "generator_optimiser"):
        assert equal(checkpoint(whole, 4, name), checkpoint(parts, 4, name)), name


def stop_after(training_steps: int, recipe: Path, out: Path) -> None:
    """Train and interrupt after a number of steps of train stages, counted over earlier runs as well."""
    from facegen.core.interruption import Interruption
    from facegen.core.progress import Observer
    from facegen.core.recipe.recipe import read_recipe
    from facegen.training.loop import Interrupted
    from facegen.training.train import train

    interruption = Interruption()

    class StoppingObserver(Observer):
        left, training = training_steps, False

        def start(self, stage: str, total: int, done: int = 0) -> None:
            self.training = stage == "train"

        def advance(self, done: int, values: object = None) -> None:
            self.left -= self.training
            if self.left == 0:
                interruption.signal_number = signal.SIGINT

    with pytest.raises(Interrupted):
        train(read_recipe(recipe), out, resume=True, observer=StoppingObserver(), interruption=interruption)


def test_encodings_of_a_draft_use_its_weights_after_a_resume(facegen: Facegen, recipes: Path, tmp_path: Path) -> None:
    """The encoders of the draft are trained, those of the refiner frozen: encodings are computed once, at the start."""
    whole, parts = tmp_path / "whole" / "second", tmp_path / "parts" / "second"
    frozen = SECOND.replace("condition_dim = 6", 'condition_dim = 6\ntrained = "frozen"')
    (recipes / "second.toml").write_text(frozen)
    assert facegen("train", recipes / "second.toml", "--out", whole) == 0
    stop_after(3 + 2, recipes / "second.toml", parts)
    assert facegen("train", recipes / "second.toml", "--out", parts, "--resume") == 0
    for name in ("face_pipeline", "ema", "discriminator"):
        assert equal(checkpoint(whole, 4, name), checkpoint(parts, 4, name)), name


def test_folder_of_an_earlier_run_with_another_recipe_is_refused(
    facegen: Facegen, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    assert facegen("train", recipes / "first.toml", "--preset", "small", "--out", runs / "first") == 0
    stamp = (runs / "first" / "run.json").stat().st_mtime_ns
    capsys.readouterr()
    assert facegen("train", recipes / "second.toml", "--out", runs / "second") == 1
    message = capsys.readouterr().err
    assert "holds the run of another recipe" in message and "differ in train.steps; move that folder away" in message
    assert not (runs / "second").exists()
    # Settings of the evaluation may differ, and defaults may be written out.
    changed = ("--preset", "small", "--set", "evaluate.num_noises=3", "--set", "data.pairing=different_times")
    assert facegen("train", recipes / "second.toml", *changed, "--out", runs / "second") == 0
    assert (runs / "first" / "run.json").stat().st_mtime_ns == stamp
    assert facegen("train", recipes / "second.toml", "--preset", "small", "--out", runs / "first") == 1
    assert "give another with --out" in capsys.readouterr().err


def test_draft_is_named_by_its_folder(
    facegen: Facegen, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tmp_path / "elsewhere"
    second = ("train", recipes / "second.toml", "--out", tmp_path / "runs" / "second", "--set", f"draft.run={first}")
    assert facegen(*second) == 1
    assert f"{first}: there is no such folder" in capsys.readouterr().err
    assert facegen("train", recipes / "first.toml", "--out", first) == 0
    for change, message in (
        ("data.num_people=14", "was trained on other names than those of this recipe's corpus"),
        ("draft.image_pixels=24", "draws faces of 16 pixels; set image_pixels = 16"),
        ("generator.draft_pixels=32", "refines a draft of draft_pixels = 32, and it is of 16"),
    ):
        assert facegen(*second, "--set", change) == 1
        assert message in capsys.readouterr().err
    shutil.rmtree(first / "checkpoints" / "train-00000003")
    assert facegen(*second) == 1
    assert f"facegen train {first} --resume" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    assert facegen("train", first / "recipe.toml", "--out", first, "--resume") == 0
    assert facegen(*second) == 0
    assert [path.name for path in sorted((tmp_path / "runs").iterdir())] == ["second"]


def test_earlier_run_trains_its_match_stage_only(facegen: Facegen, recipes: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (recipes / "later.toml").write_text(
        SPEECH.replace("trained =", "#").replace('type = "softmax"', 'type = "softmax"\nrun = "speech.toml"')
    )
    assert facegen("check", recipes / "later.toml") == 0
    assert facegen("train", recipes / "later.toml", "--set", "train.steps=1", "--out", runs / "later") == 0
    assert steps(runs / "speech", "train") == [] and steps(runs / "speech", "match") == ["match"]
    assert (
        facegen("train", recipes / "speech.toml", "--set", "train.steps=1", "--out", runs / "speech", "--resume") == 0
    )
    assert steps(runs / "speech", "train") == ["train-00000001"]


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        (("train.steps=1", "match.checkpoint_steps=7", "conditioner.trained=generator"), True),
        (("match.steps=3",), False),
    ],
)
def test_match_stage_is_shared_within_a_folder_of_runs(
    change: tuple[str, ...], shared: bool, facegen: Facegen, recipes: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    runs = tmp_path / "runs"
    # Without the generator's losses the discriminator has no head but the embedding's.
    assert facegen("train", recipes / "pairs.toml", "--out", runs / "pairs") == 0
    capsys.readouterr()
    changes = [word for one in change for word in ("--set", one)]
    assert facegen("train", recipes / "speech.toml", *changes, "--out", runs / "speech") == 0
    is_shared = "match stage copied from" in " ".join(capsys.readouterr().err.split())
    assert is_shared == shared
    alone = tmp_path / "alone" / "speech"
    assert facegen("train", recipes / "speech.toml", *changes, "--out", alone) == 0
    for name in ("encoders", "discriminator", "matcher"):
        one, other = (
            load_file(run / "checkpoints" / "match" / f"{name}.safetensors") for run in (runs / "speech", alone)
        )
        assert equal(one, other), name
    assert equal(checkpoint(runs / "speech", 1, "face_pipeline"), checkpoint(alone, 1, "face_pipeline"))


def test_generator_trains_without_noise_and_without_discriminator(
    facegen: Facegen, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pure reconstruction gives no warning about ignored noise or collapse."""
    text = FIRST.replace("noise_dim = 4", "noise_dim = 0").replace('"relativistic"', '"reconstruction"')
    text = text.replace('[[condition]]\ntype = "conditioning_augmentation"\nwidth = 5\n', "")
    (recipes / "still.toml").write_text(
        text.replace('[discriminator]\ntype = "projection"\nwidth = 4\nmax_width = 8\n', "")
    )
    assert facegen("check", recipes / "still.toml") == 0
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    assert facegen("train", recipes / "still.toml", "--out", whole) == 0
    message = capsys.readouterr().err
    assert "noise is ignored" not in message and "collapse" not in message
    stop_after(2, recipes / "still.toml", parts)
    assert facegen("train", recipes / "still.toml", "--out", parts, "--resume") == 0
    assert equal(checkpoint(whole, 3, "face_pipeline"), checkpoint(parts, 3, "face_pipeline"))
    assert facegen("generate", whole, "--name", "speaker-3", "--count", "2", "--out", tmp_path / "faces") == 0


def test_match_stage_starts_from_the_face_network_alone(
    facegen: Facegen, recipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    text = MATCH_ONLY.replace(
        "condition_dim = 6", 'condition_dim = 2\n[[conditioner]]\ntype = "one_hot"\ncondition_dim = 4'
    )
    (recipes / "other.toml").write_text(text.replace('type = "softmax"', 'type = "softmax"\nstart = "pairs.toml"'))
    assert facegen("train", recipes / "other.toml", "--out", runs / "other") == 1
    message = capsys.readouterr().err
    assert "[match] start" in message and "its encoders differ from this recipe's" in message and not runs.exists()
    frozen = ("train", recipes / "other.toml", "--set", "match.freeze_faces=true", "--out", runs / "other")
    assert facegen(*frozen) == 0
    assert (
        f"encoders: another network than that of {runs / 'pairs'}; starts from random weights"
        in capsys.readouterr().err
    )
    one, other = (load_file(runs / name / "checkpoints/match/discriminator.safetensors") for name in ("pairs", "other"))
    assert equal(one, other)
