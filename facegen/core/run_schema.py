"""Schemas of the JSON files of a run, with bounds of everything in them: run.json, and state.json of a checkpoint."""

from typing import Annotated, Literal

from pydantic import Field

from facegen.core.model_schema import CorpusDescription, Name, Steps
from facegen.core.recipe.tables import Table

RUN_FORMAT: Literal[2] = 2
"""Of run.json. 1: versions in the keys "facegen", "packages" and "plugins", and no fingerprint of the corpus."""
CHECKPOINT_FORMAT: Literal[2] = 2
"""Of state.json and the files beside it. 1: weights in artist.safetensors and average.safetensors, no sums of logged
values."""
MAX_RUN_BYTES = 64 * 2**20
"""Limit of run.json: a million people have names of 60 bytes."""
MAX_STATE_BYTES = 2**20
MAX_RECIPE_BYTES = 2**20
MAX_CHANGES = 10_000
MAX_FILES = 10_000

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Plain = bool | int | float | Annotated[str, Field(max_length=1000)] | None
Value = Plain | Annotated[dict[Name, Plain], Field(max_length=100)]
StageName = Literal["match", "train"]


class StartRecord(Table):
    """The networks that a train stage started from.

    Attributes:
        source: [train] start: a run folder, a model file, or the name of a shipped model.
        step: of its checkpoint.
        weights: SHA-256 of the weights' files.
    """

    source: Annotated[str, Field(max_length=4096)]
    step: Steps
    weights: Digest


class ChangeRecord(Table):
    """One setting that was changed when a run was resumed.

    Attributes:
        stage, step: the change holds for the steps after this one.
        key: the setting, as `--set` takes it.
        before, after: its values; None where it was unset.
    """

    stage: StageName
    step: Steps
    key: Name
    before: Value
    after: Value

    def __str__(self) -> str:
        before, after = ("unset" if value is None else value for value in (self.before, self.after))
        return f"{self.stage} step {self.step}: {self.key} = {before} -> {after}"


class FileRecord(Table):
    """A file or folder that a part of a run reads.

    Attributes:
        original: its path when the run was created.
        sha256: of the file, or of names and contents of a folder's files.
        num_bytes: size.
        stored: path of the copy in the run's folder; "" if it is too large and was not copied.
    """

    original: Annotated[str, Field(max_length=4096)]
    sha256: Digest
    num_bytes: Annotated[int, Field(ge=0, le=10**15)]
    stored: Annotated[str, Field(max_length=4096)]


class RunMetadata(Table):
    """Content of run.json.

    Attributes:
        format: of the file.
        versions: {package: version} of facegen, the packages that compute and the plugins, when the run was created.
        plugins: {"kind name": "package version"} of the parts of plugins.
        corpus_fingerprint: hash of the corpus, independent of its path; empty if none was recorded.
        data: shape of the corpus.
        start: the networks that its train stage started from; None without [train] start, and before it begins.
        changes: settings that were changed when the run was resumed, oldest first.
        files: files that its parts read.
    """

    format: Literal[2] = RUN_FORMAT
    versions: Annotated[dict[Name, Name], Field(max_length=1000)]
    plugins: Annotated[dict[Name, Name], Field(max_length=1000)] = Field(default_factory=dict)
    corpus_fingerprint: Name
    data: CorpusDescription
    start: StartRecord | None = None
    changes: Annotated[tuple[ChangeRecord, ...], Field(max_length=MAX_CHANGES)] = ()
    files: Annotated[tuple[FileRecord, ...], Field(max_length=MAX_FILES)] = ()


class CheckpointState(Table):
    """Content of state.json.

    Attributes:
        format: of the checkpoint.
        stage: of the training.
        step: number of steps after which it was written.
        num_processes, batch_size, device: of the training; None in a checkpoint that cannot be resumed.
        totals: {logged value: [sum, count]} since the last line of the log.
        key: hash of all that decided a finished match stage; None if it is not known.
    """

    format: Literal[2] = CHECKPOINT_FORMAT
    stage: Name = ""
    step: Steps
    num_processes: Annotated[int, Field(ge=1, le=10**6)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=10**9)] | None = None
    device: Name | None = None
    totals: Annotated[dict[Name, tuple[float, Steps]], Field(max_length=10_000)] = Field(default_factory=dict)
    key: Name | None = None
