"""Metadata of a model file: a strict schema, and bounds of everything in it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from facegen.core.batch import DataSpec
from facegen.core.recipe.tables import Table

FORMAT_VERSION: Literal[2] = 2
"""Version 1 held no adversarial discriminator."""
MAX_METADATA_BYTES = 16 * 2**20
"""Limit of the JSON text; a list of 400,000 names fits."""
MAX_IDENTITIES = 10**6
MAX_DRAFTS = 4
"""Number of face pipelines that refine each other's faces."""

Name = Annotated[str, Field(max_length=200)]
Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Steps = Annotated[int, Field(ge=0, lt=2**53)]
Consent = Literal["synthetic", "stated", "declared"]
"""No real people; consent in every row of the corpus; consent declared by the person who exported the model."""
Precision = Literal["fp16", "fp32"]


class CorpusDescription(Table):
    """A DataSpec, with bounds; the attributes are those of `facegen.DataSpec`."""

    image_pixels: Annotated[int, Field(ge=16, le=1024)]
    sample_rate_hz: Annotated[int, Field(ge=4000, le=96000)]
    speech_samples: Annotated[int, Field(ge=0, le=60 * 96000)]
    text_dim: Annotated[int, Field(ge=0, le=65536)]
    caption_characters: Annotated[int, Field(ge=0, le=65536)]
    identities: Annotated[tuple[Name, ...], Field(max_length=MAX_IDENTITIES)]
    attributes: Annotated[dict[Label, Annotated[int, Field(ge=2, le=1000)]], Field(max_length=100)]
    columns: Annotated[tuple[Label, ...], Field(max_length=100)]

    @classmethod
    def of(cls, data: DataSpec) -> "CorpusDescription":
        """Describe a corpus.

        Raises:
            pydantic.ValidationError: it exceeds a bound.
        """
        return cls(**{**data.to_json(), "columns": tuple(sorted(data.columns)), "attributes": dict(data.attributes)})

    @property
    def spec(self) -> DataSpec:
        """The DataSpec."""
        return DataSpec.from_json(self.model_dump())


class TrainedRecipe(Table):
    """A recipe, resolved and without paths, and the corpus that it was trained on.

    Attributes:
        recipe: tables of the recipe.
        data: description of the corpus.
        corpus_fingerprint: hash by which the corpus is recognised, so that its people are not taken for unseen ones.
    """

    recipe: dict[str, Any]
    data: CorpusDescription
    corpus_fingerprint: Name = ""


class FigureSummary(Table):
    """One figure of an evaluation.

    Attributes:
        key, label: what was measured.
        value: the number; None if it is not available.
        low, high: its 95% interval.
        chance: result of guessing.
    """

    key: Name
    label: Name
    value: float | None
    low: float | None = None
    high: float | None = None
    chance: float | None = None


class EvaluationSummary(Table):
    """Figures of one evaluation of the run.

    Attributes:
        split: of the corpus.
        own_corpus: whether the corpus is the one that the run was trained on.
        step: of the checkpoint that was evaluated.
        num_clips, num_people: size of the sample.
        figures: all of them.
    """

    split: Label
    own_corpus: bool
    step: Steps | None
    num_clips: Steps
    num_people: Steps
    figures: Annotated[tuple[FigureSummary, ...], Field(max_length=1000)]


class ModelMetadata(Table):
    """The metadata of a model file.

    Attributes:
        format_version: of the file format.
        precision: of the stored weights.
        run: what was trained.
        drafts: the runs whose faces it refines, nearest first.
        step: of the train stage; None in a model that only matches.
        match_step: of the match stage; None in a model without one.
        shares_encoders: whether the matched encoders are those of the face pipeline, and stored once.
        versions: {package: version} at training.
        plugins: {"kind name": "package version"} of parts that facegen does not have itself.
        consent: basis on which faces and voices of people were used.
        licence: of the weights.
        card: description for people, Markdown.
        evaluations: figures of the run.
    """

    format_version: Literal[2] = FORMAT_VERSION
    precision: Precision
    run: TrainedRecipe
    drafts: Annotated[tuple[TrainedRecipe, ...], Field(max_length=MAX_DRAFTS)] = ()
    step: Steps | None
    match_step: Steps | None
    shares_encoders: bool = False
    versions: Annotated[dict[Name, Name], Field(max_length=1000)]
    plugins: Annotated[dict[Name, Name], Field(max_length=1000)]
    consent: Consent
    licence: Annotated[str, Field(max_length=1000)] = ""
    card: Annotated[str, Field(max_length=20_000)] = ""
    evaluations: Annotated[tuple[EvaluationSummary, ...], Field(max_length=50)] = ()
