"""The built-in parts: a table of contents, in strings, so that nothing is imported before it is used."""

from facegen.core.hookspecs import hookimpl


@hookimpl
def facegen_datasets() -> dict[str, str]:
    return {
        "packed": "facegen.data.packed:Packed",
        "synthetic": "facegen.data.synthetic.speakers:Synthetic",
    }


@hookimpl
def facegen_conditioners() -> dict[str, str]:
    return {
        "one_hot": "facegen.parts.conditioners.one_hot:OneHot",
        "waveform_sincnet": "facegen.parts.conditioners.waveform_sincnet:WaveformSincnet",
    }


@hookimpl
def facegen_generators() -> dict[str, str]:
    return {"adain": "facegen.parts.generators.adain:Adain"}


@hookimpl
def facegen_discriminators() -> dict[str, str]:
    return {"projection": "facegen.parts.discriminators.projection:Projection"}


@hookimpl
def facegen_objectives() -> dict[str, str]:
    return {
        "relativistic": "facegen.parts.objectives.relativistic:Relativistic",
        "relid": "facegen.parts.objectives.relid:Relid",
    }


@hookimpl
def facegen_penalties() -> dict[str, str]:
    return {"r1": "facegen.parts.penalties.r1:R1"}


@hookimpl
def facegen_augmentations() -> dict[str, str]:
    return {"diff_augment": "facegen.parts.augmentations.diff_augment:DiffAugment"}


@hookimpl
def facegen_matchers() -> dict[str, str]:
    return {"softmax": "facegen.parts.matchers.softmax:Softmax"}


@hookimpl
def facegen_metrics() -> dict[str, str]:
    return {
        "diversity": "facegen.parts.metrics.diversity:Diversity",
        "frechet": "facegen.parts.metrics.frechet:Frechet",
        "matching": "facegen.parts.metrics.matching:Matching",
    }
