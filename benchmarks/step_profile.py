"""Where the time of a step goes: the plain step and ours, by kind of operation."""

from collections.abc import Mapping

from torch.profiler import ProfilerActivity, profile

from benchmarks.harness import MIN_ROUNDS, Comparison, Progress, Row
from benchmarks.networks import Step, Subject
from benchmarks.plain_step import PlainStep

TITLE = "Profile of the step"
TEXT = (
    "Time of each kind of operation in a step, by PyTorch's profiler on one core: before (the plain step) and after "
    "(ours). `speech_relid` with R1, 128 pixels, batch 4, width 16, encodings given; `speech_lsgan` at full size, 64 "
    "pixels, 4 s of speech, batch 8, whose speech encoder learns with the generator. The profiler measures "
    "wall time, so that these times are longer than those above on a busy machine; the shares hold."
)
KINDS = {
    "convolutions, backward": ("convolution_backward", "conv2d_backward"),
    "convolutions, forward": ("convolution", "conv2d", "thnn"),
    "activations": ("relu", "tanh", "softplus"),
    "norms": ("norm", "Normalise"),
    "pooling and upsampling": ("pool", "upsample"),
    "optimisers": ("adam", "Adam", "foreach"),
    "matrix products": ("::mm", "bmm", "addmm", "matmul"),
    "copies, fills and padding": ("copy", "fill", "pad", "clone", "cat", "empty", "zero"),
}
"""Parts of the names of operations, tried in this order."""
OTHER = "all other"
ROUNDS = 4


def measure(progress: Progress) -> list[Row]:
    """Profile some steps of each side, of two recipes."""
    overrides = ["generator.width=16", "discriminator.width=16", "penalty.every_steps=1"]
    subjects = {
        "speech_relid": Subject("speech_relid", 128, 1.2, 4, preset="small", overrides=overrides),
        "speech_lsgan": Subject("speech_lsgan", 64, 4.0, 8),
    }
    rounds = MIN_ROUNDS if progress.quick else ROUNDS
    rows: list[Row] = []
    for name, subject in subjects.items():
        plain = by_kind(subject.step(PlainStep, layers="plain"), rounds)
        rows += rows_of(name, plain, by_kind(subject.step(), rounds))
    return rows


def rows_of(name: str, plain: Mapping[str, float], ours: Mapping[str, float]) -> list[Row]:
    """Compare the seconds of each kind of operation, with its shares of both steps; the last row is their sum."""
    total, our_total = sum(plain.values()), sum(ours.values())
    rows: list[Row] = []
    for kind in (*KINDS, OTHER):
        if plain.get(kind, 0.0) and ours.get(kind, 0.0):
            note = f"{plain[kind] / total:.0%} of the plain step, {ours[kind] / our_total:.0%} of ours"
            rows.append(Comparison(f"{name}: {kind}", "plain", [plain[kind]], [ours[kind]], note=note))
    return [*rows, Comparison(f"{name}: all operations", "plain", [total], [our_total])]


def by_kind(step: Step, rounds: int) -> dict[str, float]:
    """Return the seconds of a step that each kind of operation takes."""
    step()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(rounds):
            step()
    seconds: dict[str, float] = {}
    for operation in profiler.key_averages():
        kind = kind_of(operation.key)
        seconds[kind] = seconds.get(kind, 0.0) + operation.self_cpu_time_total / 1e6 / rounds
    return seconds


def kind_of(operation: str) -> str:
    """Return the kind of an operation of the profiler."""
    return next((kind for kind, parts in KINDS.items() if any(part in operation for part in parts)), OTHER)
