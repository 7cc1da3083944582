"""Cost of R1: at every step, and amortised over the steps of its interval."""

from benchmarks.harness import Measurement, Progress, Row, interleave
from benchmarks.networks import Layers, Subject
from benchmarks.plain_step import PlainStep
from facegen.training.gan import GanStep

TITLE = "Gradient penalty"
TEXT = (
    "What R1 adds to the step of `speech_relid` (128 pixels, batch 4, one core), as a share of the step without it. "
    "It is exact: a pass through the backbone that is differentiated twice. `every_steps = 16`, the recipe's own, has "
    "it at one of 16 steps, with 16 times the weight."
)
INTERVAL = 16
AMORTISED_GOAL = 0.12
STEPS: tuple[tuple[str, type[GanStep], Layers], ...] = (
    ("plain step", PlainStep, "plain"),
    ("our step", GanStep, "ours"),
)


def measure(progress: Progress) -> list[Row]:
    """Measure steps with and without R1 in turn."""
    overrides = ["generator.width=16", "discriminator.width=16", f"penalty.every_steps={INTERVAL}"]
    subject = Subject("speech_relid", 128, 1.2, 4, preset="small", overrides=overrides)
    rows: list[Row] = []
    for name, kind, layers in STEPS:
        sides = {due: subject.step(kind, layers=layers, number=due) for due in (0, 1)}
        seconds = interleave(name, {str(due): step for due, step in sides.items()}, 9, progress)
        pairs = zip(seconds["0"], seconds["1"], strict=True)
        shares = [with_penalty / without - 1 for with_penalty, without in pairs]
        rows.append(Measurement(f"{name}, R1 at every step", "of a step", shares))
    spread = [share / INTERVAL for share in shares]
    return [*rows, Measurement(f"{name}, R1 at every {INTERVAL}th step", "of a step", spread, AMORTISED_GOAL)]
