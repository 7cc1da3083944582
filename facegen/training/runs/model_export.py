"""Export of a run as a model file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.disk_faults import explain_disk_fault
from facegen.core.errors import CheckpointError, DataError
from facegen.core.model_schema import (
    Consent,
    CorpusDescription,
    EvaluationSummary,
    ModelMetadata,
    Precision,
    TrainedRecipe,
)
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.plugin_packages import plugin_packages
from facegen.core.recipe.portable import without_paths
from facegen.training.build import DraftRun
from facegen.training.runs import checkpoint, conditions, model_file
from facegen.training.runs.consent import missing_consent, without_names
from facegen.training.runs.earlier_runs import stored_draft
from facegen.training.runs.embedded_files import embedded_paths, read_files
from facegen.training.runs.run import Run


@dataclass(frozen=True)
class ExportSettings:
    """Settings of an export: precision, licence, card, and names of people.

    Attributes:
        precision: of the stored weights.
        licence: of the weights.
        card: description for people, Markdown.
        keep_names: store the names of real people, in place of numbers.
        holds_consent: the person who exports declares to have the consent of everybody in the corpus.
    """

    precision: Precision = "fp16"
    licence: str = ""
    card: str = ""
    keep_names: bool = False
    holds_consent: bool = False


def export_run(
    run: Run, path: Path, settings: ExportSettings, evaluations: Sequence[EvaluationSummary] = ()
) -> ModelMetadata:
    """Write the newest weights of a run as a model file.

    It holds the averaged face pipeline, and the newest discriminator of the train stage with its own encoders;
    encoders, discriminator and matcher as the match stage left them; and the recipe without paths. It holds no
    optimiser.

    Args:
        run: with at least one checkpoint.
        path: the file; its name ends in .safetensors.
        settings: what goes into it.
        evaluations: figures of the run.
    Raises:
        CheckpointError: the run has no weights yet, or they are damaged; or the file cannot be written.
        DataError: it was trained on real people, and consent is not stated for everybody.
    """
    if path.suffix != model_file.SUFFIX:
        raise CheckpointError(f"{path}: the name of a model file must end in {model_file.SUFFIX}")
    modules = _modules(run)
    shares_encoders = "encoders" in modules and _equal(
        modules["encoders"], model_file.encoders_of_pipeline(modules.get(model_file.PIPELINE, {}))
    )  # fmt: skip
    if shares_encoders:
        modules.pop("encoders")
    match_step = checkpoint.read_step(run.match_folder) if "matcher" in modules else None
    metadata = describe_run(
        run, settings, evaluations, match_step=match_step, shares_encoders=shares_encoders,
    )  # fmt: skip
    recipes = [run.recipe, *(draft.recipe for draft in _drafts(run))]
    try:
        distributions = conditions.to_tensors(conditions.read_conditions(run.path))
        stored = {**modules, model_file.CONDITIONS: distributions}
        model_file.write_model_file(path, metadata, stored, read_files(recipes))
    except OSError as error:
        raise CheckpointError(explain_disk_fault(error, str(path))) from error
    return metadata


def describe_run(
    run: Run,
    settings: ExportSettings,
    evaluations: Sequence[EvaluationSummary],
    *,
    match_step: int | None = None,
    shares_encoders: bool = False,
) -> ModelMetadata:
    """Describe a run: recipe without paths, corpus, versions, consent, licence and figures.

    Args:
        run: with at least one checkpoint.
        settings: licence, card, names and consent.
        evaluations: figures of the run.
        match_step: number of steps of the match stage whose networks are exported; None if they are not.
        shares_encoders: as in ModelMetadata.
    Raises:
        CheckpointError: something does not fit into a model file.
        DataError: it was trained on real people, and consent is not stated for everybody.
    """
    consent = _consent(run, settings)
    hides_names = consent != "synthetic" and not settings.keep_names
    drafts = _drafts(run)
    draws = run.recipe.optional_config("generator") is not None
    try:
        return ModelMetadata(
            precision=settings.precision,
            run=_trained(run.recipe, run.data, hides_names, run.corpus_fingerprint),
            drafts=tuple(_trained(draft.recipe, draft.data, hides_names) for draft in drafts),
            step=checkpoint.read_step(run.generator_checkpoint()) if draws else None,
            match_step=match_step,
            shares_encoders=shares_encoders,
            versions=run.versions,
            plugins=plugin_packages([run.recipe, *(draft.recipe for draft in drafts)]),
            consent=consent,
            licence=settings.licence,
            card=settings.card,
            evaluations=tuple(evaluations),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(f"{run.path}: {where} does not fit a model file: {first['msg']}") from error


def _consent(run: Run, settings: ExportSettings) -> Consent:
    is_real, problems = missing_consent(run)
    if problems and not settings.holds_consent:
        raise DataError(
            *problems,
            f"{run.path}: a model of real people is exported if every clip has consent (facegen pack: column consent), "
            f"or with --i-hold-consent if you hold the consent of everybody in the corpus",
        )
    return "declared" if problems else "stated" if is_real else "synthetic"


def _modules(run: Run) -> dict[str, dict[str, Tensor]]:
    """Read the tensors of the newest checkpoints, by the names that they have in a model file."""
    modules: dict[str, dict[str, Tensor]] = {}
    if run.recipe.optional_config("generator") is not None:
        folder = run.generator_checkpoint()
        modules |= {name: _read(folder, file) for name, file in model_file.TRAIN_FILES.items() if _has(folder, file)}
    if run.recipe.optional_config("matcher") is not None:
        if not run.is_matched:
            raise CheckpointError(f"{run.path}: its match stage is not finished; `facegen train ... --resume` goes on")
        for name in model_file.MATCH_MODULES:
            if _has(run.match_folder, name):
                modules[name] = _read(run.match_folder, name)
    return modules


def _has(folder: Path, name: str) -> bool:
    return (folder / f"{name}{model_file.SUFFIX}").exists()


def _read(folder: Path, name: str) -> dict[str, Tensor]:
    return checkpoint.load_tensors(folder / f"{name}{model_file.SUFFIX}")


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def _drafts(run: Run) -> list[DraftRun]:
    drafts, before = [], stored_draft(run.path)
    while before is not None:
        drafts.append(before)
        before = before.draft
    return drafts


def _trained(recipe: Recipe, data: DataSpec, hides_names: bool, fingerprint: str = "") -> TrainedRecipe:
    if hides_names:
        data = replace(data, identities=without_names(data))
    description = CorpusDescription.of(data)
    return TrainedRecipe(
        recipe=without_paths(recipe, embedded_paths(recipe)), data=description, corpus_fingerprint=fingerprint
    )
