"""The recipe keys that the engine itself reads; a part's own keys stand in the part's signature."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Split = Literal["train", "heldout_utterances", "heldout_people"]
EvaluationSplit = Literal[Split, "all"]
"""What an evaluation reads: one split, or the clips of all three."""
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class Table(BaseModel):
    """A strict table: every key known, every type exact."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class RunSettings(Table):
    """[run]: the run as a whole.

    Attributes:
        name: of the run folder; the recipe's file name by default.
        seed: of everything random in the run.
        device: where to train; "auto" takes a GPU where there is one.
        precision: "auto" is bf16 on a GPU that has it and fp32 elsewhere.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = "run"
    seed: Annotated[int, Field(ge=0)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"


class DataSettings(Table):
    """Keys of [data] for every dataset.

    Attributes:
        image_pixels: side of the faces.
        speech_seconds: length of the speech that a row holds.
        sample_rate_hz: of the speech.
        pairing: face and speech of a row come from the same moment, or from different ones of the clip.
        crop: speech is cropped anew each time, or always at the same place.
        mirror: faces of the training split are mirrored at random.
        num_folds, fold: people are dealt into this many folds by a hash of their name, and this one is held out.
        resident_gib: up to this size a corpus is kept in memory, on the device, rather than read again.
    """

    image_pixels: Annotated[int, Field(ge=16, le=1024)] = 128
    speech_seconds: Annotated[float, Field(gt=0, le=60)] = 6.0
    sample_rate_hz: Annotated[int, Field(ge=4000, le=96000)] = 16000
    pairing: Literal["different_times", "centred"] = "different_times"
    crop: Literal["random", "fixed"] = "random"
    mirror: bool = False
    num_folds: Annotated[int, Field(ge=2, le=100)] = 10
    fold: Annotated[int, Field(ge=0)] = 0
    resident_gib: Annotated[float, Field(ge=0)] = 8.0

    @property
    def speech_samples(self) -> int:
        """Length of the speech that a row holds, in samples."""
        return round(self.speech_seconds * self.sample_rate_hz)


class ConditionerSettings(Table):
    """Keys of [conditioner] for every conditioner.

    Attributes:
        trained: after the match stage it stays as it is ("frozen"), learns with the generator, or learns in two
            copies, one with each network ("separate").
    """

    trained: Literal["frozen", "generator", "separate"] = "generator"


class PenaltySettings(Table):
    """Keys of [[penalty]] for every penalty.

    Attributes:
        every_steps: it is due at every n-th step, with n times its weight.
    """

    every_steps: Count = 1


class MatchSettings(Table):
    """Keys of [match] for every matcher: the stage in which encoders learn who belongs together.

    Attributes:
        run: an earlier run whose match stage is taken over instead of training one.
        start: an earlier run whose match stage training starts from, such as one on synthetic speakers for a small
            corpus of real ones; the networks must be the same.
        freeze_conditioner: the encoders stay as `start` left them, and only the faces' side learns; with fixed crops
            every encoding is computed once, and a small corpus is learnt in minutes.
        freeze_faces: the discriminator's trunk and embedding stay as `start` left them, and only the encoders learn.
        steps: how many training steps.
        batch_size: rows a step.
        optimiser: which one; "sgd" has momentum 0.9.
        learning_rate: at the start; it falls along half a cosine to a hundredth.
        warmup_steps: over which the learning rate rises first.
        weight_decay: on all weights but biases and norms.
        augment: the faces pass the recipe's [augment] here too.
        noise: standard deviation of white noise added to the speech in this stage.
        log_steps, checkpoint_steps: how often.
    """

    run: Path | None = None
    start: Path | None = None
    freeze_conditioner: bool = False
    freeze_faces: bool = False
    steps: Count = 10000
    batch_size: Annotated[int, Field(ge=2)] = 64
    optimiser: Literal["sgd", "adam"] = "sgd"
    learning_rate: Positive = 1e-2
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    augment: bool = False
    noise: Annotated[float, Field(ge=0)] = 0.0
    log_steps: Count = 20
    checkpoint_steps: Count = 1000

    @field_validator("freeze_conditioner", "freeze_faces")
    @classmethod
    def _has_been_taught(cls, value: bool, info: ValidationInfo) -> bool:
        # A key that is itself wrong is not in `data`; one complaint about it is enough.
        if value and all(info.data.get(key, "") is None for key in ("run", "start")):
            raise ValueError("must come with start: the earlier run whose networks are to stay as they are")
        return value


class DraftSettings(Table):
    """[draft]: an earlier run whose faces the generator refines (StackGAN's second stage).

    Attributes:
        run: a finished run, or its recipe; a recipe is trained first, on this one's data.
        image_pixels: side of the draft's faces.
    """

    run: Path
    image_pixels: Annotated[int, Field(ge=16, le=1024)] = 64


class OptimiserSettings(Table):
    """[train.generator] and [train.discriminator]: one network's optimiser.

    Attributes:
        optimiser: which one.
        learning_rate: at the start; without the next two keys it stays.
        learning_rate_end: value at the last step, along half a cosine; with `halve_every_steps`, the least value.
        halve_every_steps: the rate is halved after every so many steps.
        beta1, beta2: of Adam; RMSprop reads beta2 as its smoothing.
        weight_decay: decoupled.
    """

    optimiser: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Positive = 2e-4
    learning_rate_end: Positive | None = None
    halve_every_steps: Count | None = None
    beta1: Beta = 0.0
    beta2: Beta = 0.99
    weight_decay: Annotated[float, Field(ge=0)] = 0.0


class TrainSettings(Table):
    """[train]: the stage in which generator and discriminator play.

    Attributes:
        steps: how many generator steps.
        batch_size: rows a step.
        critic_steps: discriminator steps to one of the generator.
        critic_trains_conditioner: the score's gradient reaches the conditioner in the generator's phase (Wav2Pix).
        ema_images: half-life of the averaged weights, in images.
        log_steps, sample_steps, monitor_steps, checkpoint_steps: how often.
        keep_checkpoints: how many of the newest checkpoints stay on disk.
        generator, discriminator: their optimisers.
    """

    steps: Count = 100000
    batch_size: Annotated[int, Field(ge=2)] = 64
    critic_steps: Count = 1
    critic_trains_conditioner: bool = False
    ema_images: Annotated[float, Field(ge=0)] = 10000.0
    log_steps: Count = 20
    sample_steps: Count = 1000
    monitor_steps: Count = 500
    checkpoint_steps: Count = 1000
    keep_checkpoints: Count = 2
    generator: OptimiserSettings = OptimiserSettings()
    discriminator: OptimiserSettings = OptimiserSettings()


class EvaluateSettings(Table):
    """[evaluate]: what a table is drawn from.

    Attributes:
        split: where the rows come from; "all" is the whole corpus.
        num_clips: at most this many rows.
        num_noises: generated faces a row.
        judge_seed: of the second pair of encoders; never the run's own.
        judge_start: an earlier run whose match stage the judge's training starts from; never one that the run's own
            started from, or the two would be akin.
        seed: of every redraw.
    """

    split: EvaluationSplit = "heldout_people"
    num_clips: Annotated[int, Field(ge=20)] = 1000
    num_noises: Annotated[int, Field(ge=2)] = 4
    judge_seed: Annotated[int, Field(ge=0)] = 1000
    judge_start: Path | None = None
    seed: Annotated[int, Field(ge=0)] = 0


ENGINE_TABLES: dict[str, type[Table]] = {
    "run": RunSettings,
    "draft": DraftSettings,
    "train": TrainSettings,
    "evaluate": EvaluateSettings,
}
"""Tables that choose no part."""
EARLIER_RUNS = (("match", "run"), ("match", "start"), ("draft", "run"))
"""Tables and keys that name an earlier run, by its folder or by its recipe."""
