"""The training step against the plain one, on the same networks with the same objective."""

from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness import Comparison, Progress, Row, interleave
from benchmarks.networks import Step, Subject
from benchmarks.plain_step import PlainStep

TITLE = "Training step"
TEXT = (
    "The step of `speech_relid` (AdaIN generator, projection discriminator, RelID; its small preset with width 16; "
    "encodings given) on one core. *Plain*: the discriminator's backbone runs for every score, also for R1's; the "
    "generator runs in both phases, with gradients that are not used; so are those of the discriminator's weights in "
    "the generator's phase; convolutions and resampling are two layers, instance norm and its modulation PyTorch's "
    "own, memory is NCHW as PyTorch's default, Adam not fused. *Plain, channels last*: the same in the other memory "
    "format. *Plain, our layers*: the same order of work with facegen's layers. Operations are the multiplications and "
    "additions of convolutions and matrix products: at equal rates, their ratio would be that of the times."
)
GOALS = {False: 2.8, True: 2.4}
SIZES = ((128, 4), (64, 32))
"""(pixels, batch size); the goals are those of 128 pixels."""


def measure(progress: Progress) -> list[Row]:
    """Measure the step without and with R1 at every step."""
    rows: list[Row] = []
    for pixels, batch_size in SIZES[:1] if progress.quick else SIZES:
        overrides = ["generator.width=16", "discriminator.width=16", "penalty.every_steps=1"]
        subject = Subject("speech_relid", pixels, 1.2, batch_size, preset="small", overrides=overrides)
        for penalised in (False, True):
            case = f"{pixels} px, batch {batch_size}, {'with' if penalised else 'without'} R1"
            sides = {
                "plain": subject.step(PlainStep, layers="plain", penalised=penalised),
                "plain, channels last": subject.step(PlainStep, layers="plain, channels last", penalised=penalised),
                "plain, our layers": subject.step(PlainStep, penalised=penalised),
                "ours": subject.step(penalised=penalised),
            }
            seconds = interleave(case, sides, 9, progress)
            goal = GOALS[penalised] if pixels == SIZES[0][0] else None
            note = f"{num_operations(sides['plain']) / num_operations(sides['ours']):.2f}x fewer operations"
            rows.append(Comparison(case, "plain", seconds["plain"], seconds["ours"], goal, note))
            for name in ("plain, channels last", "plain, our layers"):
                rows.append(Comparison(case, name, seconds[name], seconds["ours"]))
    return rows


def num_operations(step: Step) -> int:
    """Count the multiplications and additions of a step."""
    with FlopCounterMode(display=False) as counter:
        step()
    total: int = counter.get_total_flops()
    return total
