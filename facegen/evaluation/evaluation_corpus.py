"""Corpus that a run is evaluated on, and its relation to the run."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegen.core.errors import DataError
from facegen.core.interfaces import Conditioner, Dataset
from facegen.core.recipe.recipe import Recipe, with_data
from facegen.core.recipe.tables import EvaluationSplit
from facegen.data.corpus.reader import Corpus
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset

_OWN_PEOPLE = {
    "train": "people and clips that the run was trained on",
    "heldout_utterances": "people that the run was trained on, in other clips",
    "heldout_people": "people that the run was not trained on",
    "all": "all people of the run's corpus, including those that it was trained on",
}
_SHOWN_NAMES = 3


@dataclass(frozen=True)
class EvaluationCorpus:
    """A corpus that a run is evaluated on.

    Attributes:
        recipe: the run's recipe with this corpus.
        judge_home: the run's recipe with the corpus that a judge is trained on: the run's own if it can be read.
        dataset: the corpus.
        own: the run's own corpus; None if it cannot be read.
        is_own: True if it is the run's own corpus, in any folder.
        own_error: reason why the run's own corpus cannot be read.
        shared_names: names of people of another corpus that are also names of people that the run was trained on.
    """

    recipe: Recipe
    judge_home: Recipe
    dataset: Dataset
    own: Dataset | None
    is_own: bool
    own_error: str = ""
    shared_names: Sequence[str] = ()

    @classmethod
    def of(cls, run: Run, data: Path | None) -> "EvaluationCorpus":
        """Open the corpus that `data` names, or the run's own.

        Corpora are compared by their fingerprints, so that a moved or copied corpus is recognised as the run's own.

        Raises:
            DataError: the corpus cannot be read or does not fit the run, or the run draws people by name and the corpus
                is not its own.
        """
        if data is None:
            dataset = open_dataset(run.recipe)
            return cls(run.recipe, run.recipe, dataset, dataset, is_own=True)
        recipe = with_data(run.recipe, data)
        _refuse_other_rate(run, recipe, data)
        dataset, own, own_error = open_dataset(recipe), None, ""
        try:
            own = open_dataset(run.recipe)
        except DataError as error:
            own_error = str(error)
        known = {run.corpus_fingerprint, own.fingerprint() if own is not None else ""} - {""}
        if dataset.fingerprint() in known:
            return cls(recipe, recipe, dataset, dataset, is_own=True)
        if "identity" in needs_of(recipe):
            raise DataError(
                f"--data {data}: the run draws people by name, and knows no name of another corpus; evaluate it on its "
                f"own corpus"
            )
        names = set(Corpus.open(data).header.identities) & set(run.data.identities)
        home = recipe if own is None else run.recipe
        return cls(recipe, home, dataset, own, is_own=False, own_error=own_error, shared_names=sorted(names))

    @property
    def name(self) -> str:
        """Name of the corpus."""
        return corpus_name(self.recipe)

    @property
    def is_another_domain(self) -> bool:
        """True if this corpus is synthetic and the run's own is recorded, or the reverse."""
        return self.own is not None and is_synthetic(self.own) != is_synthetic(self.dataset)

    def split(
        self, requested: EvaluationSplit | None, default: EvaluationSplit, *, judge_is_run: bool = False
    ) -> EvaluationSplit:
        """Choose the split to evaluate; another corpus is a test set without splits.

        If the judge is trained on the other corpus, because the run's own cannot be read, the default is the people
        that it is not trained on.

        Raises:
            DataError: a split of another corpus is requested.
        """
        if self.is_own:
            return requested or default
        if self.own is None and not judge_is_run:
            return requested or "heldout_people"
        if requested not in (None, "all"):
            raise DataError(
                f"--split {requested}: '{self.name}' is not the corpus of the run, so that all of it is a test set; "
                f"leave --split out"
            )
        return "all"

    def people(self, split: EvaluationSplit) -> str:
        """Describe the people of a split and their relation to the run."""
        if self.is_own:
            return _OWN_PEOPLE[split]
        if not self.shared_names:
            return "people of another corpus, none of whom the run was trained on"
        return f"people of another corpus, {len(self.shared_names)} with names of people that the run was trained on"

    def notes(self, *, judge_is_run: bool = False) -> list[str]:
        """List the warnings that apply to every figure measured on this corpus."""
        notes = []
        if self.shared_names:
            shown = ", ".join(self.shared_names[:_SHOWN_NAMES])
            more = ", ..." if len(self.shared_names) > _SHOWN_NAMES else ""
            notes.append(
                f"{len(self.shared_names)} people of {self.name} have names of people that the run was trained on "
                f"({shown}{more}); if they are the same people, the figures are not those of unseen people"
            )
        if self.is_another_domain:
            notes.append(
                f"the run was trained on {_domain(self.own)}, and {self.name} holds {_domain(self.dataset)}: the "
                f"corpora differ in more than their people"
            )
        if not self.is_own and self.own is None:
            judge = "" if judge_is_run else f", and a judge is trained on {self.name}"
            notes.append(f"the run's own corpus cannot be read ({self.own_error}); memorisation is not measured{judge}")
        return notes

    def judge_is_unfit(self, judge_is_run: bool) -> str:
        """Explain why the judge's figures are withheld; "" if they are not.

        If the run judges itself, its figures on another domain are what the evaluation measures.
        """
        if judge_is_run or not self.is_another_domain:
            return ""
        return f"the judge was trained on {_domain(self.own)}, and these are {_domain(self.dataset)}"


def is_synthetic(dataset: Dataset) -> bool:
    """Return whether the hidden factors of the people are known, which holds only for synthetic people."""
    return bool(dataset.factor_sides)


def _domain(dataset: Dataset | None) -> str:
    return "synthetic speakers" if dataset is not None and is_synthetic(dataset) else "recorded people"


def needs_of(recipe: Recipe) -> frozenset[str]:
    """Return the Batch columns that the recipe's conditioners read."""
    parts: list[type[Conditioner]] = [config.part.load() for config in recipe.configs["conditioner"]]
    return frozenset[str]().union(*(part.needs for part in parts))


def _refuse_other_rate(run: Run, recipe: Recipe, data: Path) -> None:
    header, request = Corpus.open(data).header, run.data
    reads_speech = "speech" in needs_of(recipe) and "speech" in header.columns
    if reads_speech and header.sample_rate_hz != request.sample_rate_hz:
        raise DataError(
            f"--data {data}: the sample rate of its speech is {header.sample_rate_hz} Hz, and the run reads "
            f"{request.sample_rate_hz} Hz; pack the corpus again at that rate"
        )


def corpus_name(recipe: Recipe) -> str:
    """Return the name of the recipe's corpus: its folder, or the dataset that makes it."""
    config = recipe.config("dataset")
    return Path(str(config.settings["path"])).name if "path" in config.settings else config.name


def corpus_key(recipe: Recipe, split: EvaluationSplit) -> str:
    """Hash the corpus that a split is taken from, without its image size; folds are left out for the whole corpus."""
    config = recipe.config("dataset")
    folds = [] if split == "all" else [config.engine.num_folds, config.engine.fold]
    content: list[Any] = [config.name, *folds]
    if "path" in config.settings:
        header = Corpus.open(config.settings["path"]).header
        content += [*(shard.sha256 for shard in header.shards), header.identities, header.attributes]
    else:
        content.append(dict(config.settings))
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
