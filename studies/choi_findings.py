"""The six findings of Choi, Park and Lee 2020, tested against the figures of runs."""

from collections.abc import Callable, Iterator, Mapping

from studies.finding import Finding
from studies.report_figures import NOTHING, STRANGERS, Results, Value, negated, together

FigureOf = Callable[[str, str], Value]
"""(run, key) -> figure of strangers"""
RELID, PLAIN = "speech_relid", "speech_relativistic"


def choi(results: Results, shares: Mapping[str, Value]) -> Iterator[Finding]:
    """Yield the six findings of Choi, Park and Lee 2020.

    Args:
        results: reports and logs of the runs.
        shares: {factor: share of its variance in relid's faces that lies between voices} (factors.py).
    """

    def figure(run: str, key: str) -> Value:
        return results.figure(run, key, STRANGERS)

    yield _directions(figure)
    yield _roles(shares)
    yield _distances(figure)
    yield _preference(figure)
    yield _retrieval(figure)
    yield _baselines(figure)


def _directions(figure: FigureOf) -> Finding:
    runs = ("match_v2f", "match_f2v")
    values = {
        f"{run} {way}": figure(run, f"matching.{key}.10.real")
        for run in runs
        for way, key in (("V-F", "v2f"), ("F-V", "f2v"))
    }
    return Finding(
        "Choi 1", "matching is above chance in both directions, and each training direction works in the other, too",
        "10-way matching of strangers is above 0.1 in all four cases",
        _listed(values),
        together(*(value.above(value.chance) for value in values.values())),
        runs,
    )  # fmt: skip


def _roles(shares: Mapping[str, Value]) -> Finding:
    """Test which factors follow the voice c and which the noise z.

    Choi et al. also name ethnicity for c. It is left out: no synthetic voice depends on the colour of the skin.
    """
    by_voice = ("sex", "age", "size", "fullness", "nose")
    by_noise = ("yaw", "pitch", "roll", "backdrop_value", "hair_colour", "hair_style", "clothing_value", "glasses")
    parts = {name: shares.get(name, NOTHING) for name in (*by_voice, *by_noise)}
    return Finding(
        "Choi 2", "the voice decides sex, age and the shape of face and nose, the noise the pose of the head, "
        "background, hair, attire and glasses",
        "of the former more than half of the variance lies between voices, of the latter less; ethnicity, which the "
        "paper gives the voice, is not asked, as no voice tells it here",
        f"share between voices: {_listed({name: parts[name] for name in by_voice})}; "
        + _listed({name: parts[name] for name in by_noise}),
        together(
            *(parts[name].above(0.5) for name in by_voice), *(negated(parts[name].above(0.5)) for name in by_noise)
        ),
        (RELID,),
    )  # fmt: skip


def _distances(figure: FigureOf) -> Finding:
    correlation = figure(RELID, "correlation.generated")
    pairs = {
        what: [figure(RELID, f"correlation.distance.{key}.{kind}") for kind in ("same_sex", "different_sexes")]
        for what, key in (("condition", "condition"), ("generated face", "generated"))
    }
    return Finding(
        "Choi 3", "distances of voices and of generated faces correlate, and shrink where the sex is the same",
        "the correlation is above 0, and both distances are smaller within a sex",
        f"correlation {correlation}; "
        + "; ".join(f"{what} distance {same} against {other}" for what, (same, other) in pairs.items()),
        together(correlation.above(0.0), *(other.above(same) for same, other in pairs.values())),
        (RELID,),
    )  # fmt: skip


def _preference(figure: FigureOf) -> Finding:
    preferred, without = (figure(run, "preference.over_true") for run in (RELID, PLAIN))
    to_plain = figure(RELID, f"preference.over.{PLAIN}")
    more = figure(RELID, "matching.f2v.2.generated_less_real")
    return Finding(
        "Choi 4", "a judge prefers relid's faces to the true ones and to those of Eq. 4, but those of Eq. 4 not to the "
        "true ones; it matches relid's better than real ones",
        "shares against one half; matching by pairs of the same rows, F-V 2-way",
        f"relid preferred {preferred}, to Eq. 4 {to_plain}; Eq. 4 preferred {without}; matching of relid's faces less "
        f"that of real ones {more}",
        together(preferred.above(0.5), to_plain.above(0.5), negated(without.above(0.5)), more.above(0.0)),
        (RELID, PLAIN),
    )  # fmt: skip


def _retrieval(figure: FigureOf) -> Finding:
    others = (PLAIN, "speech2face")
    recalls = {
        distance: {run: figure(run, f"retrieval.r10.{distance.lower()}") for run in (RELID, *others)}
        for distance in ("L1", "L2", "cosine")
    }
    return Finding(
        "Choi 5", "retrieval is better than without the identity term, and than Speech2Face's",
        "R@10 is higher than both by L1, by L2 and by cosine",
        ". ".join(f"{distance}: {_listed(of_runs)}" for distance, of_runs in recalls.items()),
        together(*(of_runs[RELID].above(of_runs[other]) for of_runs in recalls.values() for other in others)),
        (RELID, *others),
    )  # fmt: skip


def _baselines(figure: FigureOf) -> Finding:
    own, baselines = "match_v2f", ("match_svhf", "match_dimnet")
    two, ten = ({run: figure(run, f"matching.v2f.{num}.real") for run in (own, *baselines)} for num in (2, 10))
    return Finding(
        "Choi 6", "2-way matching is worse than SVHF-Net's and DIMNet's, 10-way matching better",
        "V-F matching of strangers against both; SVHF-Net's network compares two faces and cannot rank ten",
        f"2-way: {_listed(two)}. 10-way: {_listed(ten)}",
        together(
            *(two[baseline].above(two[own]) for baseline in baselines),
            *(ten[own].above(ten[baseline]) for baseline in baselines),
        ),
        (own, *baselines),
    )  # fmt: skip


def _listed(values: Mapping[str, Value]) -> str:
    return "; ".join(f"{name} {value}" for name, value in values.items())
