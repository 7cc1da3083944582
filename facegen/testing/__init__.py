"""The contract of each kind of part, as checks that facegen and the authors of plugins run alike.

    from facegen.testing import check_part

    def test_hinge() -> None:
        check_part("objective", Hinge)

A check that fails raises AssertionError and says what is wrong. It finds broken contracts, not wrong formulas: add
tests of your own with numbers that you computed by hand.
"""

from facegen.testing.check import check_part
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
