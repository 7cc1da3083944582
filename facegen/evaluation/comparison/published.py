"""Published values to compare with; each value names its source."""

from collections.abc import Mapping
from dataclasses import dataclass

THESIS = "Roldan Sanchez 2018"
CHOI = "Choi, Park and Lee 2020"
NOT_RECOVERED = "not recovered"
"""Text of a cell that our copy of the paper does not show."""


@dataclass(frozen=True)
class ScoreRow:
    """Row of a thesis table of Inception Scores.

    Attributes:
        name: name of the model in the table, or in the text if the table's labels are not recovered.
        recipe: name of the recipe that trains this model.
        mean, deviation: Inception Score and its standard deviation over splits; None if not recovered.
    """

    name: str
    recipe: str
    mean: float | None = None
    deviation: float | None = None


TABLE_2 = (
    ScoreRow("LS-GAN, projecting the input", "name_lsgan_projected", 2.912896, 0.114554),
    ScoreRow("LS-GAN, concatenated input", "name_lsgan_concatenated", 2.051858, 0.028261),
    ScoreRow("LS-GAN, concatenated, learning rates of SAGAN", "name_lsgan_ttur", 3.002615, 0.074115),
    ScoreRow("LS-GAN, the same and dropouts", "name_lsgan_dropout", 2.634878, 0.094980),
    ScoreRow("AC-GAN, projecting the one-hot vector", "name_acgan", 2.120474, 0.043865),
)
"""Roldan Sanchez 2018, Table II: from names to faces."""

TABLE_3 = (
    ScoreRow("speech", "speech_lsgan"),
    ScoreRow("speech, dropouts", "speech_lsgan_dropout"),
    ScoreRow("speech and name", "speech_name_lsgan"),
)
"""Roldan Sanchez 2018, Table III: from speech to faces. Our copy of the text lacks its labels and has unreadable cells;
the rows are the models that section V-A compares."""


@dataclass(frozen=True)
class MatchingRow:
    """Matching accuracies of a publication.

    Attributes:
        name: method and test corpus.
        faces: "real" or "generated".
        accuracy: {"f2v.2": share} by direction and number of candidates; missing keys are not reported, or not
            recovered.
        source: where the values were read.
    """

    name: str
    faces: str
    accuracy: Mapping[str, float]
    source: str


MATCHING = (
    MatchingRow("Choi et al. 2020, AVSpeech", "real", {"f2v.2": 0.8847}, f"{CHOI}, section 4, text"),
    MatchingRow("Choi et al. 2020, AVSpeech, relid", "generated", {"f2v.2": 0.9514}, f"{CHOI}, section 4, text"),
    MatchingRow(
        "Seeking the Shape of Sound, VoxCeleb (supervised, pre-trained)", "real",
        {"v2f.2": 0.872, "f2v.2": 0.865}, "its authors' repository",
    ),
)  # fmt: skip
"""Values on other people, splits and corpora than those of a run; comparable in order of magnitude only."""

FIGURES = {
    "preference.over_true": "0.767 relid, 0.472 without",
    "preference.over.speech_relativistic": "0.797 relid",
    "matching.f2v.2.real": "0.885",
    "matching.f2v.2.generated": "0.951",
    "correlation.distance.condition.same_sex": "0.28 (VoxCeleb)",
    "correlation.distance.condition.different_sexes": "0.46 (VoxCeleb)",
    "correlation.distance.generated.same_sex": "0.15 (VoxCeleb)",
    "correlation.distance.generated.different_sexes": "0.27 (VoxCeleb)",
}
"""{key of a figure: value in the text of Choi et al. 2020, section 4}, on AVSpeech unless another corpus is named, by
the run's own match stage."""
