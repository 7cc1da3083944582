"""Where the time of a step goes: the plain step and ours, by kind of operation."""

from torch.profiler import ProfilerActivity, profile

from benchmarks.harness import MIN_ROUNDS, Comparison, Progress, Row
from benchmarks.networks import Step, Subject
from benchmarks.plain_step import PlainStep

TITLE = "Profile of the step"
TEXT = (
    "Time of each kind of operation in a step of `speech_relid` with R1 (128 pixels, batch 4, one core), by PyTorch's "
    "profiler: before (the plain step) and after (ours)."
)
KINDS = {
    "convolutions, backward": ("convolution_backward", "conv2d_backward"),
    "convolutions, forward": ("convolution", "conv2d", "thnn"),
    "activations": ("relu", "tanh", "softplus"),
    "instance norm": ("norm", "Normalise"),
    "pooling and upsampling": ("pool", "upsample"),
    "optimisers": ("adam", "Adam", "foreach"),
    "matrix products": ("::mm", "bmm", "addmm", "matmul"),
    "copies, fills and padding": ("copy", "fill", "pad", "clone", "cat", "empty", "zero"),
}
"""Parts of the names of operations, tried in this order."""
OTHER = "all other"
ROUNDS = 4


def measure(progress: Progress) -> list[Row]:
    """Profile some steps of each side."""
    overrides = ["generator.width=16", "discriminator.width=16", "penalty.every_steps=1"]
    subject = Subject("speech_relid", 128, 1.2, 4, preset="small", overrides=overrides)
    rounds = MIN_ROUNDS if progress.quick else ROUNDS
    plain = by_kind(subject.step(PlainStep, layers="plain"), rounds)
    ours = by_kind(subject.step(), rounds)
    rows: list[Row] = []
    for kind in (*KINDS, OTHER):
        if plain.get(kind, 0.0) and ours.get(kind, 0.0):
            rows.append(Comparison(kind, "plain", [plain[kind]], [ours[kind]]))
    return [*rows, Comparison("all operations", "plain", [sum(plain.values())], [sum(ours.values())])]


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
