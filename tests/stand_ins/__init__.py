"""Generators with known faults, as a plugin that is not shipped: the verdicts on them are known beforehand.

They use synthetic speakers, and no speech: the conditioner `true_factors` returns the true factors that shape both
voice and face, and `learnt_factors` passes them through a network that a judge trains.
"""

from facegen import hookimpl
from facegen.core.registry import Source, registry

SOURCE = Source("stand_ins", "facegen-stand-ins", "0")
NAMES = ("perfect", "memoriser", "collapsed", "unconditional", "stereotyper", "noise", "blurred", "one_face")
"""Names of all stand-ins."""


@hookimpl
def facegen_conditioners() -> dict[str, str]:
    return {
        "learnt_factors": "stand_ins.learnt_factors:LearntFactors",
        "true_factors": "stand_ins.true_factors:TrueFactors",
    }


@hookimpl
def facegen_generators() -> dict[str, str]:
    return {
        "blurred": "stand_ins.blurred:Blurred",
        "collapsed": "stand_ins.collapsed:Collapsed",
        "memoriser": "stand_ins.memoriser:Memoriser",
        "noise": "stand_ins.noise:Noise",
        "one_face": "stand_ins.one_face:OneFace",
        "perfect": "stand_ins.perfect:Perfect",
        "stereotyper": "stand_ins.stereotyper:Stereotyper",
        "unconditional": "stand_ins.unconditional:Unconditional",
    }


def install() -> None:
    """Register the stand-ins as an entry point would; `registry.cache_clear()` removes them."""
    if "perfect" not in registry().parts["generator"]:
        import stand_ins

        registry().add(SOURCE, stand_ins)
