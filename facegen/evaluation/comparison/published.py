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
        source: source of the values.
        verified: True if the values were read in the source; False if they are from memory and approximate.
    """

    name: str
    faces: str
    accuracy: Mapping[str, float]
    source: str
    verified: bool = True


MATCHING = (
    MatchingRow("Choi et al. 2020, AVSpeech", "real", {"f2v.2": 0.8847}, f"{CHOI}, section 4, text"),
    MatchingRow("Choi et al. 2020, AVSpeech, relid", "generated", {"f2v.2": 0.9514}, f"{CHOI}, section 4, text"),
    MatchingRow(
        "Seeking the Shape of Sound, VoxCeleb (supervised, pre-trained)", "real",
        {"v2f.2": 0.872, "f2v.2": 0.865}, "its authors' repository",
    ),
    MatchingRow(
        "DIMNet, VoxCeleb (supervised)", "real", {"v2f.2": 0.8412, "f2v.2": 0.8403}, "from memory", False
    ),
    MatchingRow("SVHF-Net, VoxCeleb", "real", {"v2f.2": 0.81, "f2v.2": 0.795}, "from memory", False),
)  # fmt: skip
"""Values on other people, splits and corpora than those of a run; comparable in order of magnitude only."""

GALLERY_SIZE = 5000
"""Size of the gallery in Table 3 of Choi et al. 2020."""
RETRIEVAL = ("Choi et al. 2020, relid", "Choi et al. 2020, without the identity term", "Speech2Face")
"""Rows of Table 3 of Choi et al. 2020, whose cells our copy of the text does not show."""


@dataclass(frozen=True)
class VerificationRow:
    """Rates of verification of a publication.

    Attributes:
        name: method.
        pairs: corpus and pairs that it was tested on.
        rates: {"eer": share} by rate and group of pairs; missing keys are not reported.
        source: source of the values, all of which were read in it.
    """

    name: str
    pairs: str
    rates: Mapping[str, float]
    source: str


_FAME_24 = "README of mavceleb_baseline, 2024"
_FAME_26 = "README of mavceleb_baseline, 2026"
_SHAPE_OF_SOUND = "its authors' repository"


def _fop_2024(version: str, eers: Mapping[str, float]) -> list[VerificationRow]:
    """Make rows of the baseline of FAME 2024, from {"language of training, of test": EER}."""
    return [
        VerificationRow("FOP, baseline of FAME 2024", f"MAV-Celeb {version}, {languages}", {"eer": eer}, _FAME_24)
        for languages, eer in eers.items()
    ]


VERIFICATION = (
    *_fop_2024("v2", {
        "English, English": 0.208, "English, Hindi": 0.240, "Hindi, English": 0.240, "Hindi, Hindi": 0.193,
    }),
    *_fop_2024("v1", {
        "English, English": 0.293, "English, Urdu": 0.379, "Urdu, English": 0.404, "Urdu, Urdu": 0.258,
    }),
    VerificationRow("HLT, first of FAME 2024", "MAV-Celeb v1, mean", {"eer": 0.1991}, _FAME_26),
    VerificationRow("Audio_Visual, second of FAME 2024", "MAV-Celeb v1, mean", {"eer": 0.2051}, _FAME_26),
    VerificationRow("Xaiofei, third of FAME 2024", "MAV-Celeb v1, mean", {"eer": 0.2176}, _FAME_26),
    VerificationRow("FOP, baseline of FAME 2026", "MAV-Celeb v1, mean", {"eer": 0.462}, _FAME_26),
    VerificationRow("FOP, baseline of FAME 2026", "MAV-Celeb v2, mean", {"eer": 0.372}, _FAME_26),
    VerificationRow("FOP, baseline of FAME 2026", "MAV-Celeb v3, mean", {"eer": 0.402}, _FAME_26),
    VerificationRow(
        "Seeking the Shape of Sound (supervised, pre-trained)", "VoxCeleb, V-F", {"auc": 0.872, "auc.same_sex": 0.775},
        _SHAPE_OF_SOUND,
    ),
    VerificationRow(
        "Seeking the Shape of Sound (supervised, pre-trained)", "VoxCeleb, F-V", {"auc": 0.870, "auc.same_sex": 0.761},
        _SHAPE_OF_SOUND,
    ),
)  # fmt: skip
"""Values on unseen people. The mean of a challenge is over heard and unheard languages of training and test."""

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
