"""Faces per second of a shipped model: one at a time, in batches, and compiled."""

import time

import torch
from torch import nn

import facegen
from benchmarks.harness import Comparison, Measurement, Progress, Row, interleave

TITLE = "Sampling"
TEXT = (
    "Faces of the shipped model `speech-64` on one core, from given encodings, without files. *Compiled* is "
    "`torch.compile` of the generator, without the time of compiling."
)
MODEL, BATCH = "speech-64", 64


def measure(progress: Progress) -> list[Row]:
    """Draw as many faces in each way, in turn."""
    pipeline = facegen.load(MODEL).pipeline
    torch.manual_seed(0)
    encoding = torch.randn(BATCH, pipeline.encoders.condition_dim)
    noise = pipeline.noise(BATCH, torch.device("cpu"))
    eager = pipeline.generator

    def one_at_a_time() -> None:
        for row in range(BATCH):
            pipeline.sample(encoding[row : row + 1], noise[row])

    def batched() -> None:
        pipeline.sample(encoding, noise)

    sides = {"one at a time": one_at_a_time, "batched": batched}
    compiled, remark = compile_generator(eager, noise, encoding)
    if compiled is not None:

        def compiled_batch() -> None:
            pipeline.generator = compiled  # type: ignore[assignment]
            pipeline.sample(encoding, noise)
            pipeline.generator = eager

        sides["compiled"] = compiled_batch
    case = f"{BATCH} faces"
    seconds = interleave(case, sides, 15, progress, warm_ups=2)
    rows: list[Row] = [
        Measurement(f"eager, {name}", "faces per second", [BATCH / value for value in seconds[name]], better="higher")
        for name in ("one at a time", "batched")
    ]
    rows.append(Comparison(f"{case} in one batch", "one at a time", seconds["one at a time"], seconds["batched"]))
    if compiled is not None:
        rates = [BATCH / value for value in seconds["compiled"]]
        rows.append(Measurement("compiled, batched", "faces per second", rates, better="higher", note=remark))
        rows.append(Comparison(f"{case} in one batch, compiled", "eager", seconds["batched"], seconds["compiled"]))
    else:
        rows.append(Comparison(f"{case}: not compiled", "eager", seconds["batched"], seconds["batched"], note=remark))
    return rows


def compile_generator(
    generator: nn.Module, noise: torch.Tensor, encoding: torch.Tensor
) -> tuple[nn.Module | None, str]:
    """Compile a generator and draw once; return it with a remark, or None with the reason where that fails."""
    compiled = torch.compile(generator)
    began = time.monotonic()
    try:
        with torch.no_grad():
            compiled(noise, encoding)
    except Exception as error:  # anything that a compiler may raise
        return None, f"torch.compile does not work here: {type(error).__name__}"
    return compiled, f"compiled in {time.monotonic() - began:.0f} s"
