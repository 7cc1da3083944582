"""The eleven findings of Roldan Sanchez 2018, tested against the figures of runs."""

import math
from collections.abc import Iterator, Sequence

from facegen.evaluation.verdicts.verdicts import BLURRED, COLLAPSED, NOISY
from studies.finding import Finding, learnt
from studies.report_figures import (
    KNOWN,
    SEEN,
    STRANGERS,
    Holds,
    Results,
    Value,
    about_equal,
    given,
    negated,
    rank_correlation,
    together,
)

IGNORED_NOISE = 1e-3
"""Roldan Sanchez 2018, section V: more than three orders of magnitude below."""
SIMILAR = 0.1
"""Two scores are about equal if they differ by less than this share of the score of real faces (our choice)."""
BLIND = 0.3
"""A score is blind to a quantity if their rank correlation is below this (our choice)."""
NAME_RUNS: Sequence[str] = (
    "name_lsgan_projected", "name_lsgan_concatenated", "name_lsgan_spectral", "name_lsgan_ttur", "name_lsgan_noise",
    "name_lsgan_noise_one_hot", "name_lsgan_dropout", "name_wgan_projected", "name_wgan_concatenated", "name_wgan_gp",
    "name_acgan", "name_began",
)  # fmt: skip


def thesis(results: Results) -> Iterator[Finding]:
    """Yield the eleven findings of Roldan Sanchez 2018, sections V and VI."""
    yield from _losses(results)
    yield from _remedies(results)
    yield from _speech(results)
    yield _blindness(results)


def _collapsed(results: Results, run: str) -> Holds:
    return negated(results.diversity(run).above(COLLAPSED))


def _losses(results: Results) -> Iterator[Finding]:
    """Yield findings 1 to 5: effects of the losses and of the forms of the name."""
    kept, diversity, detail, density = results.kept, results.diversity, results.detail, results.density
    projected, concatenated, spectral = "name_lsgan_projected", "name_lsgan_concatenated", "name_lsgan_spectral"
    yield Finding(
        "thesis 1", "projecting the one-hot vector gives more detail and less realism than concatenating it",
        "detail is higher, and density among real faces lower",
        f"detail {detail(projected)} against {detail(concatenated)}; density {density(projected)} against "
        f"{density(concatenated)}",
        together(detail(projected).above(detail(concatenated)), density(concatenated).above(density(projected))),
        (projected, concatenated),
    )  # fmt: skip
    yield Finding(
        "thesis 2", "LS-GAN keeps identity, and collapses to one face a person",
        "projected and concatenated, both keep identity, and both collapse",
        f"identity kept {kept(projected)}, {kept(concatenated)}; diversity {diversity(projected)}, "
        f"{diversity(concatenated)}",
        together(*(learnt(kept(run)) for run in (projected, concatenated)),
                 *(_collapsed(results, run) for run in (projected, concatenated))),
        (projected, concatenated),
    )  # fmt: skip
    clipped = ("name_wgan_projected", "name_wgan_concatenated")
    yield Finding(
        "thesis 3", "W-GAN does not learn identity",
        "projected and concatenated, with clipped weights, both are at chance",
        f"identity kept {kept(clipped[0])}, {kept(clipped[1])} (with gradient penalty {kept('name_wgan_gp')})",
        together(*(negated(learnt(kept(run))) for run in clipped)),
        clipped,
    )  # fmt: skip
    yield Finding(
        "thesis 4", "AC-GAN learns identity, is noisy, and collapses",
        "identity is kept, detail is noise, and faces collapse",
        f"identity kept {kept('name_acgan')}; detail {detail('name_acgan')}; diversity {diversity('name_acgan')}",
        together(learnt(kept("name_acgan")), detail("name_acgan").above(NOISY), _collapsed(results, "name_acgan")),
        ("name_acgan",),
    )  # fmt: skip
    yield Finding(
        "thesis 5", "spectral norm removes some noise, and does not mend the collapse",
        "if faces are noisy without it, less so with it; if they collapse without it, with it, too",
        f"detail {detail(spectral)} against {detail(concatenated)} without; diversity {diversity(spectral)} against "
        f"{diversity(concatenated)} without",
        together(
            given(detail(concatenated).above(NOISY), detail(concatenated).above(detail(spectral))),
            given(_collapsed(results, concatenated), _collapsed(results, spectral)),
        ),
        (spectral, concatenated),
    )  # fmt: skip


def _remedies(results: Results) -> Iterator[Finding]:
    """Yield findings 6 to 9: remedies against mode collapse."""
    kept, diversity, detail, density = results.kept, results.diversity, results.detail, results.density
    projected, on_embedding, on_one_hot = "name_lsgan_projected", "name_lsgan_noise", "name_lsgan_noise_one_hot"
    apart = [_between(results, on_one_hot, what) for what in ("one_voice_other_noise", "other_voice_same_noise")]
    yield Finding(
        "thesis 6", "noise on the embedding keeps identity and does not mend the collapse; noise on the one-hot vector "
        "gives one face for everybody",
        "embedding: identity is kept and, if the projected form collapses without noise, so it does with it; one-hot: "
        "faces hardly differ, neither between noises nor between names",
        f"embedding: identity kept {kept(on_embedding)}, diversity {diversity(on_embedding)} against "
        f"{diversity(projected)} without; one-hot: distance of faces, as a share of that of real people, between "
        f"noises {apart[0]} and between names {apart[1]}",
        together(
            learnt(kept(on_embedding)), given(_collapsed(results, projected), _collapsed(results, on_embedding)),
            *(negated(distance.above(COLLAPSED)) for distance in apart),
        ),
        (projected, on_embedding, on_one_hot),
    )  # fmt: skip
    spectral, ttur, dropout = "name_lsgan_spectral", "name_lsgan_ttur", "name_lsgan_dropout"
    yield Finding(
        "thesis 7", "learning rates of 4e-4 (D) and 1e-4 (G) remove the blur",
        "if faces are blurred with equal rates, they have more detail with these, and are blurred no longer",
        f"detail {detail(ttur)} against {detail(spectral)}",
        given(
            negated(detail(spectral).above(BLURRED)),
            together(detail(ttur).above(detail(spectral)), detail(ttur).above(BLURRED)),
        ),
        (spectral, ttur),
    )  # fmt: skip
    ratios = {run: results.logged(run, "weight_ratio") for run in ("name_lsgan_projected", "name_lsgan_concatenated")}
    yield Finding(
        "thesis 8", "the first layer's weights on the noise are over 3 orders of magnitude below those on the name",
        "their ratio after training; it has no interval, and decides nothing",
        "; ".join(f"{run} {ratio}" for run, ratio in ratios.items()),
        together(*(negated(ratio.above(IGNORED_NOISE)) for ratio in ratios.values())),
        tuple(ratios),
    )  # fmt: skip
    yield Finding(
        "thesis 9", "controlled dropout gives subtle variety, and costs quality",
        "if faces collapse without it, they vary more with it, and still little; density among real faces is lower",
        f"diversity {diversity(dropout)} against {diversity(ttur)}; density {density(dropout)} against {density(ttur)}",
        together(
            given(
                _collapsed(results, ttur),
                together(diversity(dropout).above(diversity(ttur)), _collapsed(results, dropout)),
            ),
            density(ttur).above(density(dropout)),
        ),
        (ttur, dropout),
    )  # fmt: skip


def _between(results: Results, run: str, what: str) -> Value:
    """Return the distance of generated faces in the judge's features, as a share of that between real people."""
    real = results.figure(run, "diversity.face_distance.real_other_person", SEEN)
    return results.figure(run, f"diversity.face_distance.{what}", SEEN).over(real)


def _speech(results: Results) -> Iterator[Finding]:
    kept, speech, both, mel = results.kept, "speech_lsgan", "speech_name_lsgan", "mel_lsgan"
    works = learnt(kept(speech))
    for run, source, network in (
        (speech, "thesis 10a", ""), (f"{speech}_code", "thesis 10a, code", ", by the network of the authors' code"),
    ):  # fmt: skip
        known, strangers = kept(run, KNOWN), kept(run, STRANGERS)
        yield Finding(
            source, "speech works on utterances of the training set, not on others of the same people, nor on "
            f"other people{network}",
            "identity is kept on the training set, and at chance on the two others",
            f"identity kept {kept(run)}, {known}, {strangers}",
            together(learnt(kept(run)), negated(learnt(known)), negated(learnt(strangers))),
            (run,),
        )  # fmt: skip
    (key, score), (_, alone) = (_score(results, run) for run in (both, speech))
    yield Finding(
        "thesis 10b", "speech and name together do about as well as speech alone",
        "if speech alone works on the training set, identity and the score there differ little; the score has no "
        "interval, so this can only be refuted",
        f"identity kept {kept(both)} against {kept(speech)}; {_LABELS[key]} {score} against {alone}",
        given(
            works,
            together(about_equal(kept(both), kept(speech), SIMILAR), about_equal(score, alone, SIMILAR * alone.value)),
        ),
        (both, speech),
    )  # fmt: skip
    yield Finding(
        "thesis 10c", "from mel spectrograms identity is not learnt",
        "if it is from the waveform, from mel spectrograms it is at chance on the training set",
        f"identity kept {kept(mel)} against {kept(speech)} from the waveform",
        given(works, negated(learnt(kept(mel)))),
        (speech, mel),
    )  # fmt: skip


INCEPTION, STAND_IN = "fidelity.inception.score.generated", "identity.score.generated"
_LABELS = {INCEPTION: "Inception Score", STAND_IN: "identity score, generated"}


def _score(results: Results, run: str) -> tuple[str, Value]:
    """Return key and value of the Inception Score on the training split, or of the identity score if it is missing."""
    inception = results.figure(run, INCEPTION, SEEN)
    if math.isnan(inception.value):
        return STAND_IN, results.figure(run, STAND_IN, SEEN)
    return INCEPTION, inception


def _blindness(results: Results) -> Finding:
    """Test the rank correlations of the score with detail and diversity over the name runs."""
    scores = [_score(results, run) for run in NAME_RUNS]
    rows = [
        (score.value, results.detail(run).value, results.diversity(run).value)
        for run, (_, score) in zip(NAME_RUNS, scores, strict=True)
    ]
    rows = [row for row in rows if not any(math.isnan(number) for number in row)]
    inception_scores, details, diversities = zip(*rows, strict=True) if rows else ((), (), ())
    sharp, varied = rank_correlation(inception_scores, details), rank_correlation(inception_scores, diversities)
    measured = all(key == INCEPTION for key, _ in scores)
    label = _LABELS[INCEPTION if measured else STAND_IN]
    blind = True if varied.high < BLIND else False if varied.low > 0 else None
    return Finding(
        "thesis 11", "the Inception Score rewards sharpness and is blind to collapse",
        f"if it is measured, it rises with detail over the name runs, and not with diversity (by less than {BLIND})",
        f"rank correlation of {label} over {len(rows)} runs: with detail {sharp}, with diversity {varied}"
        + ("" if measured else "; the Inception Score was not measured, and this score replaces it"),
        given(measured, together(sharp.above(0.0), blind)),
        tuple(NAME_RUNS),
    )  # fmt: skip
