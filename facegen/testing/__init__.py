"""Contract checks per kind of part, for facegen itself and for authors of plugins.

    from facegen.testing import check_part

    def test_hinge() -> None:
        check_part("objective", Hinge)

A failed check raises AssertionError with the fault. The checks find broken contracts, not wrong formulas: add tests
with numbers that you computed by hand.
"""

from facegen.testing.contract import check_part
from facegen.testing.declaration import check_declaration
from facegen.testing.samples import (
    SMALL_DATA,
    SampleDiscriminator,
    sample_batch,
    sample_condition,
    sample_critic,
    sample_discriminator,
    sample_evidence,
)

__all__ = [
    "SMALL_DATA",
    "SampleDiscriminator",
    "check_declaration",
    "check_part",
    "sample_batch",
    "sample_condition",
    "sample_critic",
    "sample_discriminator",
    "sample_evidence",
]
