"""Generators with known faults, as a plugin that is not shipped: what metrics should say of them is known beforehand.

They stand on synthetic speakers. Nobody hears speech: `told_voice` hands over the true factors that shape both voice
and face, and `learnt_voice` hands them to a judge, through a network that learns.
"""

from facegen import hookimpl
from facegen.core.registry import Source, registry

SOURCE = Source("stand_ins", "facegen-stand-ins", "0")
NAMES = ("perfect", "memoriser", "collapsed", "unconditional", "stereotyper", "noise", "blurred", "one_face")
"""Every stand-in: six with one fault or none, and two more for what the six leave out."""


@hookimpl
def facegen_conditioners() -> dict[str, str]:
    return {
        "learnt_voice": "stand_ins.learnt_voice:LearntVoice",
        "told_voice": "stand_ins.told_voice:ToldVoice",
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
    """Register the stand-ins, as an entry point would; `registry.cache_clear()` takes them away again."""
    if "perfect" not in registry().parts["generator"]:
        import stand_ins

        registry().add(SOURCE, stand_ins)
