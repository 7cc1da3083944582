"""Recipe keys that the engine reads; a part's own keys are declared by its signature."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from facegen.core.recipe.settings import MAX_SIZE

Split = Literal["train", "heldout_utterances", "heldout_people"]
EvaluationSplit = Literal[Split, "all"]
"""Clips of an evaluation: one split, or all three."""
JudgeKind = Literal["independent", "own"]
Count = Annotated[int, Field(ge=1)]
MAX_NAME_CHARACTERS = 60
"""Largest length of the name of a run; file systems allow 255 bytes, and a character has up to four."""
DEVICES = r"auto|cpu|cuda(:\d{1,3})?|mps|xpu"
"""Pattern of the values of [run] device."""
Positive = Annotated[float, Field(gt=0)]
Beta = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class OnResume:
    """Mark of a key, in its annotation, that `facegen train --resume` may change.

    Attributes:
        only_more: the value may only become larger.
    """

    only_more: bool = False


class Table(BaseModel):
    """Strict table: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class RunSettings(Table):
    """Keys of [run]: settings of the whole run.

    Attributes:
        name: name of the run folder, of letters, digits, "_", "." and "-"; the recipe's file name by default.
        seed: random seed of the run.
        device: device of the training: "auto" (a CUDA device if there is one, otherwise the CPU), "cpu", "cuda",
            "cuda:N" for the device of number N, "mps" (Apple) or "xpu" (Intel).
        precision: "auto" is bf16 on a GPU that supports it, and fp32 otherwise.
    """

    name: Annotated[str, Field(pattern=r"^[^\W_][\w.-]*$", max_length=MAX_NAME_CHARACTERS)] = "run"
    seed: Annotated[int, Field(ge=0)] = 0
    device: Annotated[str, Field(json_schema_extra={"pattern": f"^({DEVICES})$"}), OnResume()] = "auto"
    precision: Annotated[Literal["auto", "fp32", "bf16"], OnResume()] = "auto"

    @field_validator("device")
    @classmethod
    def _is_device(cls, value: str) -> str:
        if not re.fullmatch(DEVICES, value):
            raise ValueError("must be 'auto', 'cpu', 'cuda', 'cuda:N', 'mps' or 'xpu'")
        return value


class DataSettings(Table):
    """Keys of [data] for every dataset.

    Attributes:
        image_pixels: side of the square faces, in pixels.
        speech_seconds: length of the crop of speech of a row, in seconds.
        sample_rate_hz: sampling rate of the speech.
        pairing: "centred": the crop of speech is centred at the time of the face; "different_times": face and speech
            come from different times of the clip.
        crop: "random": a new crop of speech each time; "fixed": always the same crop.
        mirror: mirror faces of the training split at random.
        balance: "person": every person is trained on equally often, or the name of an attribute of the corpus, such as
            "sex": every value equally often, while clips without a value keep their share. By default every clip.
        num_folds: number of folds, to which people are assigned by a hash of their name.
        fold: index of the fold that is held out.
        resident_gib: largest size of a corpus that is kept in the memory of the device, in GiB.
    """

    image_pixels: Annotated[int, Field(ge=16, le=1024)] = 128
    speech_seconds: Annotated[float, Field(gt=0, le=60)] = 6.0
    sample_rate_hz: Annotated[int, Field(ge=4000, le=96000)] = 16000
    pairing: Literal["different_times", "centred"] = "different_times"
    crop: Literal["random", "fixed"] = "random"
    mirror: bool = False
    balance: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    num_folds: Annotated[int, Field(ge=2, le=100)] = 10
    fold: Annotated[int, Field(ge=0)] = 0
    resident_gib: Annotated[float, Field(ge=0)] = 8.0

    @property
    def speech_samples(self) -> int:
        """Length of the crop of speech of a row, in samples."""
        return round(self.speech_seconds * self.sample_rate_hz)


class ConditionerSettings(Table):
    """Keys of [conditioner] for every conditioner.

    Attributes:
        trained: training after the match stage: none ("frozen"), with the generator ("generator"), or as two copies,
            one with the generator and one with the discriminator ("separate").
    """

    trained: Literal["frozen", "generator", "separate"] = "generator"


class PenaltySettings(Table):
    """Keys of [[penalty]] for every penalty.

    Attributes:
        every_steps: interval n of lazy regularisation: the penalty is computed every n steps, with n times its weight.
    """

    every_steps: Count = 1


class MatchSettings(Table):
    """Keys of [match] for every matcher. The match stage trains the encoders to match conditions and faces.

    Attributes:
        run: earlier run whose match stage is used instead of training one.
        start: earlier run whose match stage initialises the networks, such as one on synthetic speakers for a small
            corpus of real ones; the networks must be the same.
        freeze_conditioner: train only the face network; the encoders keep the weights of `start`, or those that they
            bring themselves. With fixed crops every encoding is computed once, and a small corpus is learnt in minutes.
        freeze_faces: train only the encoders; the discriminator's backbone and embedding keep the weights of `start`.
        faces: recogniser whose features of the faces are matched, instead of the discriminator's embedding: a table
            with its type and settings. They do not change, and are computed once for each face.
        steps: number of training steps.
        batch_size: rows per step.
        optimiser: optimisation algorithm; "sgd" has momentum 0.9.
        learning_rate: initial learning rate; it decays along half a cosine to one hundredth.
        warmup_steps: number of steps of linear warm-up.
        weight_decay: weight decay of all weights except biases and norms.
        augment: apply the recipe's [augment] to the faces of this stage.
        noise: standard deviation of white noise that is added to the speech in this stage.
        log_steps: interval of logging, in steps.
        checkpoint_steps: interval of checkpoints, in steps.
    """

    run: Path | None = None
    start: Path | None = None
    freeze_conditioner: bool = False
    freeze_faces: bool = False
    faces: dict[str, Any] | None = None
    steps: Annotated[Count, OnResume(only_more=True)] = 10000
    batch_size: Annotated[int, Field(ge=2, le=MAX_SIZE)] = 64
    optimiser: Literal["sgd", "adam"] = "sgd"
    learning_rate: Annotated[Positive, OnResume()] = 1e-2
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[float, Field(ge=0), OnResume()] = 5e-4
    augment: bool = False
    noise: Annotated[float, Field(ge=0)] = 0.0
    log_steps: Count = 20
    checkpoint_steps: Count = 1000

    @field_validator("freeze_faces")
    @classmethod
    def _needs_start(cls, value: bool, info: ValidationInfo) -> bool:
        # `data` lacks keys with wrong values, which have problems of their own.
        if value and all(info.data.get(key, "") is None for key in ("run", "start")):
            raise ValueError("must be false without start, the earlier run whose weights are frozen")
        return value


class DraftSettings(Table):
    """Keys of [draft]: an earlier run whose faces the generator refines (StackGAN's second stage).

    Attributes:
        run: folder of a finished run, or a recipe, which is trained first, on the data of this recipe.
        image_pixels: side of the draft's faces, in pixels.
    """

    run: Path
    image_pixels: Annotated[int, Field(ge=16, le=1024)] = 64


class OptimiserSettings(Table):
    """Keys of [train.generator] and [train.discriminator]: optimiser of one network.

    Attributes:
        optimiser: optimisation algorithm.
        learning_rate: initial learning rate; it is constant without the next two keys.
        learning_rate_end: learning rate at the last step of half a cosine; with `halve_every_steps`, its minimum.
        halve_every_steps: interval at which the learning rate is halved, in steps.
        beta1, beta2: decay rates of Adam's moments; RMSprop uses beta2 as its smoothing constant.
        weight_decay: decoupled weight decay.
    """

    optimiser: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Annotated[Positive, OnResume()] = 2e-4
    learning_rate_end: Annotated[Positive | None, OnResume()] = None
    halve_every_steps: Annotated[Count | None, OnResume()] = None
    beta1: Beta = 0.0
    beta2: Beta = 0.99
    weight_decay: Annotated[float, Field(ge=0), OnResume()] = 0.0


class TrainSettings(Table):
    """Keys of [train]: the adversarial stage.

    Attributes:
        start: earlier run, or model, whose networks are trained on, such as one on synthetic speakers for a small
            corpus of real ones; image size and networks must be the same. A [match] without run is then the earlier
            run's, too.
        steps: number of generator steps.
        batch_size: rows per step.
        critic_steps: number of discriminator steps per generator step.
        critic_trains_conditioner: pass the gradient of the score to the conditioner in the generator's phase (Wav2Pix).
        ema_images: half-life of the averaged weights, in images; 0 averages none.
        log_steps: interval of logging, in steps.
        sample_steps: interval of sample grids, in steps.
        monitor_steps: interval of the monitor, in steps.
        checkpoint_steps: interval of checkpoints, in steps.
        keep_checkpoints: number of checkpoints to keep; older ones are deleted.
        generator, discriminator: optimisers of the two networks.
    """

    start: Path | None = None
    steps: Annotated[Count, OnResume(only_more=True)] = 100000
    batch_size: Annotated[int, Field(ge=2, le=MAX_SIZE)] = 64
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
    """Keys of [evaluate]: rows and judge of an evaluation.

    Attributes:
        split: split of the rows; "all" is the whole corpus.
        num_clips: largest number of rows.
        num_noises: number of generated faces per row.
        judge: "independent": encoders of another seed, which the run was not trained with; "own": the run's own match
            stage, as in the paper of Choi et al.; every figure is then self-judged.
        judge_seed: random seed of the judge; it must differ from the run's seed.
        judge_start: earlier run whose match stage initialises the judge; it must differ from the run that the match
            stage of the evaluated run started from, so that the two networks are independent.
        seed: random seed of the choice of rows, of noise, and of bootstrap resamples.
    """

    split: EvaluationSplit = "heldout_people"
    num_clips: Annotated[int, Field(ge=20)] = 1000
    num_noises: Annotated[int, Field(ge=2)] = 4
    judge: JudgeKind = "independent"
    judge_seed: Annotated[int, Field(ge=0)] = 1000
    judge_start: Path | None = None
    seed: Annotated[int, Field(ge=0)] = 0


ENGINE_TABLES: dict[str, type[Table]] = {
    "run": RunSettings,
    "draft": DraftSettings,
    "train": TrainSettings,
    "evaluate": EvaluateSettings,
}
"""Tables of the engine, which belong to no part."""
EARLIER_RUNS = (("match", "run"), ("match", "start"), ("draft", "run"), ("train", "start"))
"""(table, key) pairs that name an earlier run: by its folder, a model file, a shipped model's name, or its recipe."""
