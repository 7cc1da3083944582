"""The step of Wav2Pix, whose speech encoder learns with the generator, against the plain one."""

from benchmarks.harness import Comparison, Progress, Row, interleave
from benchmarks.networks import Subject
from benchmarks.plain_step import AttachedStep, PlainStep

TITLE = "Wav2Pix's step"
CODE = "https://github.com/miqueltubau/Wav2Pix/blob/a33197fb0f0c0e81b0c47bcce0ddea4ff0f0d0f1/scripts/trainer.py"
"""In the repository of one of its authors."""
TEXT = (
    "The step of `wav2pix` at 64 pixels, 4 s of speech and batch 8 on one core. *As Wav2Pix's code* "
    f"([scripts/trainer.py]({CODE})): "
    "encoder and generator run in both phases, the discriminator runs for every score, and neither faces nor embedding "
    "are detached, so that the discriminator's phase also computes gradients of generator and encoder, which are not "
    "used. *Plain*: without the last. Both convolve the speech by `Conv1d`. Their terms of features and pixels, beyond "
    "those of the recipe, are left out on all sides."
)
GOAL = 2.1


def measure(progress: Progress) -> list[Row]:
    """Measure one step."""
    subject = Subject("wav2pix", 64, 4.0, 8)
    sides = {
        "as Wav2Pix's code": subject.step(AttachedStep, layers="plain"),
        "plain": subject.step(PlainStep, layers="plain"),
        "ours": subject.step(),
    }
    case = "64 px, 4 s, batch 8"
    seconds = interleave(case, sides, 7, progress)
    goals = {"as Wav2Pix's code": GOAL, "plain": None}
    return [Comparison(case, name, seconds[name], seconds["ours"], goal) for name, goal in goals.items()]
