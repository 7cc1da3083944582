"""The training step against the plain one, on the same networks with the same objective."""

from benchmarks.harness import Comparison, Progress, Row, interleave
from benchmarks.networks import Subject
from benchmarks.plain_step import PlainStep
from facegen.training.gan import GanStep

TITLE = "Training step"
TEXT = (
    "The step of `speech_relid` (AdaIN generator, projection discriminator, RelID; its small preset with width 16; "
    "encodings given) on one core. *Plain*: the discriminator's backbone runs for every score, also for R1's; the "
    "generator runs in both phases, with gradients that are not used; so are those of the discriminator's weights in "
    "the generator's phase; convolutions and resampling are two layers, instance norm and its modulation PyTorch's "
    "own, memory is NCHW, Adam not fused. *Plain, our layers*: the same order of work with facegen's layers and memory "
    "format."
)
GOALS = {False: 2.8, True: 2.4}
SIZES = ((128, 4), (64, 32))
"""(pixels, batch size); the goals are those of 128 pixels."""


def measure(progress: Progress) -> list[Row]:
    """Measure the step without and with R1 at every step."""
    rows: list[Row] = []
    for pixels, batch_size in SIZES:
        overrides = ["generator.width=16", "discriminator.width=16", "penalty.every_steps=1"]
        subject = Subject("speech_relid", pixels, 1.2, batch_size, preset="small", overrides=overrides)
        for penalised in (False, True):
            case = f"{pixels} px, batch {batch_size}, {'with' if penalised else 'without'} R1"
            sides = {
                "plain": subject.step(PlainStep, plain_layers=True, penalised=penalised),
                "plain, our layers": subject.step(PlainStep, penalised=penalised),
                "ours": subject.step(GanStep, penalised=penalised),
            }
            seconds = interleave(case, sides, 9, progress)
            goal = GOALS[penalised] if pixels == SIZES[0][0] else None
            rows.append(Comparison(case, "plain", seconds["plain"], seconds["ours"], goal))
            rows.append(Comparison(case, "plain, our layers", seconds["plain, our layers"], seconds["ours"]))
    return rows
