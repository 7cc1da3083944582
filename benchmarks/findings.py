"""What the two papers found, held against runs on synthetic speakers: confirmed, refuted, or undecided at this size.

A claim is a conjunction of statements about figures with intervals. It is confirmed where every statement holds beyond
its interval, refuted where one of them is contradicted beyond it, and undecided otherwise. Thresholds stand here, once.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from figures import KNOWN, NOTHING, SEEN, STRANGERS, Holds, Results, Value, about_equal, negated, together
from scipy.stats import spearmanr

COLLAPSED = 0.15
"""Faces of one person vary by less than this share of what different real people differ by: the monitor's threshold."""
KEPT = 0.5
"""Identity counts as kept from this share of the accuracy on real faces."""
IGNORED_NOISE = 1e-3
"""Roldan Sanchez 2018, section V: more than three orders of magnitude below."""


@dataclass(frozen=True)
class Finding:
    """A claim, the numbers beside it, and what they say of it."""

    source: str
    claim: str
    numbers: str
    holds: Holds

    @property
    def verdict(self) -> str:
        """In a word."""
        return {True: "confirmed", False: "refuted", None: "undecided"}[self.holds]


def thesis(results: Results) -> Iterator[Finding]:
    """The eleven findings of Roldan Sanchez 2018, sections V and VI."""
    yield from _losses(results)
    yield from _remedies(results)
    yield from _speech(results)
    yield _blindness(results)


def _collapsed(results: Results, run: str) -> Holds:
    return negated(results.variation(run).above(COLLAPSED))


def _keeps(results: Results, run: str) -> Holds:
    return results.kept(run).above(KEPT)


def _losses(results: Results) -> Iterator[Finding]:
    """Findings 1 to 5: what the losses and the forms of the name do."""
    kept, variation, detail, frechet = results.kept, results.variation, results.detail, results.frechet
    projected, concatenated, spectral = "name_lsgan_projected", "name_lsgan_concatenated", "name_lsgan_spectral"
    yield Finding(
        "thesis 1", "projecting the one-hot vector gives more detail and less realism than concatenating it",
        f"detail {detail(projected)} against {detail(concatenated)}; Frechet {frechet(projected)} against "
        f"{frechet(concatenated)}",
        together(detail(projected).above(detail(concatenated)), frechet(projected).above(frechet(concatenated))),
    )  # fmt: skip
    yield Finding(
        "thesis 2", "LS-GAN keeps identity, and collapses to one face a person",
        f"identity kept {kept(projected)}, {kept(concatenated)}; variation {variation(projected)}, "
        f"{variation(concatenated)}",
        together(*(holds(results, run) for run in (projected, concatenated) for holds in (_keeps, _collapsed))),
    )  # fmt: skip
    clipped = ("name_wgan_projected", "name_wgan_concatenated")
    yield Finding(
        "thesis 3", "W-GAN does not learn identity",
        f"identity kept {kept(clipped[0])}, {kept(clipped[1])} (with gradient penalty {kept('name_wgan_gp')})",
        together(*(negated(_keeps(results, run)) for run in clipped)),
    )  # fmt: skip
    yield Finding(
        "thesis 4", "AC-GAN learns identity, is noisy, and collapses",
        f"identity kept {kept('name_acgan')}; detail {detail('name_acgan')}; variation {variation('name_acgan')}",
        together(_keeps(results, "name_acgan"), detail("name_acgan").above(1.0), _collapsed(results, "name_acgan")),
    )  # fmt: skip
    yield Finding(
        "thesis 5", "spectral norm removes some noise, and does not mend the collapse",
        f"detail {detail(spectral)} against {detail(concatenated)}; variation {variation(spectral)}",
        together(detail(concatenated).above(detail(spectral)), _collapsed(results, spectral)),
    )  # fmt: skip


def _remedies(results: Results) -> Iterator[Finding]:
    """Findings 6 to 9: what was tried against the collapse."""
    kept, variation, detail, frechet = results.kept, results.variation, results.detail, results.frechet
    on_embedding, on_one_hot = "name_lsgan_noise", "name_lsgan_noise_one_hot"
    yield Finding(
        "thesis 6", "noise on the embedding keeps identity and does not mend the collapse; noise on the one-hot vector "
        "gives one face for everybody",
        f"embedding: identity kept {kept(on_embedding)}, variation {variation(on_embedding)}; one-hot: identity kept "
        f"{kept(on_one_hot)}",
        together(
            _keeps(results, on_embedding), _collapsed(results, on_embedding), negated(_keeps(results, on_one_hot))
        ),
    )  # fmt: skip
    yield Finding(
        "thesis 7", "learning rates of 4e-4 (D) and 1e-4 (G) remove the blur",
        f"detail {detail('name_lsgan_ttur')} against {detail('name_lsgan_spectral')}",
        detail("name_lsgan_ttur").above(detail("name_lsgan_spectral")),
    )  # fmt: skip
    ratios = {run: results.logged(run, "weight_ratio") for run in ("name_lsgan_projected", "name_lsgan_concatenated")}
    yield Finding(
        "thesis 8", "the first layer's weights on the noise are over 3 orders of magnitude below those on the name",
        "; ".join(f"{run} {ratio}" for run, ratio in ratios.items()),
        together(*(negated(ratio.above(IGNORED_NOISE)) for ratio in ratios.values())),
    )  # fmt: skip
    dropout, ttur = "name_lsgan_dropout", "name_lsgan_ttur"
    yield Finding(
        "thesis 9", "controlled dropout gives subtle variety, and costs quality",
        f"variation {variation(dropout)} against {variation(ttur)}; Frechet {frechet(dropout)} against "
        f"{frechet(ttur)}",
        together(
            variation(dropout).above(variation(ttur)),
            _collapsed(results, dropout),
            frechet(dropout).above(frechet(ttur)),
        ),
    )  # fmt: skip


def _speech(results: Results) -> Iterator[Finding]:
    speech, splits = "speech_lsgan", (SEEN, KNOWN, STRANGERS)
    seen, known, strangers = (results.kept(speech, split) for split in splits)
    yield Finding(
        "thesis 10a", "speech works on utterances of the training set, not on others of the same people, nor on "
        "other people",
        f"identity kept {seen}, {known}, {strangers}",
        together(seen.above(KEPT), negated(known.above(KEPT)), negated(strangers.above(KEPT))),
    )  # fmt: skip
    alone, both, mel = (results.identity(run, SEEN) for run in (speech, "speech_name_lsgan", "mel_lsgan"))
    yield Finding(
        "thesis 10b", "speech and name together do about as well as speech alone",
        f"identity accuracy on the training set {both} against {alone}",
        about_equal(both, alone),
    )  # fmt: skip
    yield Finding(
        "thesis 10c", "from mel spectrograms identity is not learnt",
        f"identity kept on the training set {results.kept('mel_lsgan', 'train')} (accuracy {mel})",
        negated(results.kept("mel_lsgan", SEEN).above(KEPT)),
    )  # fmt: skip


def _blindness(results: Results) -> Finding:
    """Rank correlations over the name runs: the score of identities stands in for the Inception Score."""
    score = [results.figure(run, "identity score, generated").value for run in NAME_RUNS]
    claim = "the Inception Score rewards sharpness and is blind to collapse (here: the identity score)"
    rows = [
        (one, results.detail(run).value, results.variation(run).value)
        for run, one in zip(NAME_RUNS, score, strict=True)
    ]
    rows = [row for row in rows if not any(math.isnan(number) for number in row)]
    if len(rows) < 5:
        return Finding("thesis 11", claim, f"{len(rows)} runs", None)
    scores, details, variations = zip(*rows, strict=True)
    sharp, varied = spearmanr(scores, details), spearmanr(scores, variations)
    numbers = (
        f"rank correlation over {len(rows)} name runs with detail {sharp.statistic:.2f} (p {sharp.pvalue:.2f}), with "
        f"variation {varied.statistic:.2f} (p {varied.pvalue:.2f})"
    )
    rewards: Holds = None if sharp.pvalue > 0.05 else bool(sharp.statistic > 0)
    blind: Holds = not (varied.pvalue <= 0.05 and varied.statistic > 0)
    return Finding("thesis 11", claim, numbers, together(rewards, blind))


def choi(results: Results, shares: Mapping[str, Value]) -> Iterator[Finding]:
    """The six findings of Choi, Park and Lee 2020.

    Args:
        results: of the runs.
        shares: of the variance of each factor in relid's faces, the part that the voice decides (factors.py).
    """

    def figure(run: str, name: str) -> Value:
        return results.figure(run, name, STRANGERS)

    directions = [(run, f"{way} 10-way, real") for run in ("match_v2f", "match_f2v") for way in ("V-F", "F-V")]
    yield Finding(
        "Choi 1", "matching is above chance in both directions, and each training direction works in the other, too",
        "; ".join(f"{run} {way} {figure(run, way)}" for run, way in directions),
        together(*(figure(run, way).above(0.1) for run, way in directions)),
    )  # fmt: skip
    yield _roles(shares)
    relid, plain = "speech_relid", "speech_relativistic"
    name = "correlation of condition and face distances, generated"
    same, other = (figure(relid, f"generated face distance, {kind}") for kind in ("same sex", "different sexes"))
    yield Finding(
        "Choi 3", "distances of voices and of generated faces correlate, and shrink where the sex is the same",
        f"correlation {figure(relid, name)}; face distance {same} against {other}",
        together(figure(relid, name).above(0.0), other.above(same)),
    )  # fmt: skip
    preferred, without = (figure(run, "generated face preferred to the true one, V-F") for run in (relid, plain))
    drawn, real = figure(relid, "F-V 2-way, generated"), figure(relid, "F-V 2-way, real")
    yield Finding(
        "Choi 4", "a judge prefers relid's faces to the true ones, and those of Eq. 4 not; it matches relid's better "
        "than real ones",
        f"preferred {preferred} (Eq. 4: {without}); F-V 2-way {drawn} against {real}",
        together(preferred.above(0.5), negated(without.above(0.5)), drawn.above(real)),
    )  # fmt: skip
    found = {run: figure(run, "retrieval R@10, cosine") for run in (relid, plain, "speech2face")}
    yield Finding(
        "Choi 5", "retrieval is better than without the identity term, and than Speech2Face's",
        "; ".join(f"{run} {value}" for run, value in found.items()),
        together(found[relid].above(found[plain]), found[relid].above(found["speech2face"])),
    )  # fmt: skip
    two = {run: figure(run, "V-F 2-way, real") for run in ("match_v2f", "match_svhf", "match_dimnet")}
    ten = {run: figure(run, "V-F 10-way, real") for run in ("match_v2f", "match_dimnet")}
    yield Finding(
        "Choi 6", "2-way matching is worse than SVHF-Net's and DIMNet's, 10-way matching better",
        "2-way: " + "; ".join(f"{run} {value}" for run, value in two.items())
        + ". 10-way: " + "; ".join(f"{run} {value}" for run, value in ten.items()),
        together(
            two["match_svhf"].above(two["match_v2f"]), two["match_dimnet"].above(two["match_v2f"]),
            ten["match_v2f"].above(ten["match_dimnet"]),
        ),
    )  # fmt: skip


def _roles(shares: Mapping[str, Value]) -> Finding:
    by_voice, by_noise = ("sex", "age", "size"), ("yaw", "backdrop_value", "skin", "glasses")
    known = [name for name in (*by_voice, *by_noise) if name in shares]
    numbers = "share of the variance between voices: " + "; ".join(f"{name} {shares[name]}" for name in known)
    statements = [shares.get(name, NOTHING).above(0.5) for name in by_voice]
    statements += [negated(shares.get(name, NOTHING).above(0.5)) for name in by_noise]
    claim = "the voice decides sex, age and shape of the face, the noise pose, background and the rest"
    return Finding("Choi 2", claim, numbers, together(*statements))


NAME_RUNS: Sequence[str] = (
    "name_lsgan_projected", "name_lsgan_concatenated", "name_lsgan_spectral", "name_lsgan_ttur", "name_lsgan_noise",
    "name_lsgan_noise_one_hot", "name_lsgan_dropout", "name_wgan_projected", "name_wgan_concatenated", "name_wgan_gp",
    "name_acgan", "name_began",
)  # fmt: skip


def to_markdown(findings: Sequence[Finding]) -> str:
    """A table."""
    lines = ["| | claim | here | verdict |", "|---|---|---|---|"]
    lines += [f"| {one.source} | {one.claim} | {one.numbers} | **{one.verdict}** |" for one in findings]
    return "\n".join(lines) + "\n"
