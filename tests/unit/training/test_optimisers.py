import pytest

from facegen.core.tables import OptimiserSettings
from facegen.training.optimisers import learning_rate


def test_the_rate_of_a_step() -> None:
    constant = OptimiserSettings(learning_rate=0.1)
    assert [learning_rate(constant, step, 10) for step in (0, 9)] == [0.1, 0.1]
    falling = OptimiserSettings(learning_rate=0.1, learning_rate_end=0.02)
    assert [learning_rate(falling, step, 10) for step in (0, 5, 10)] == pytest.approx([0.1, 0.06, 0.02])
    halved = OptimiserSettings(learning_rate=0.1, halve_every_steps=3)
    assert [learning_rate(halved, step, 10) for step in (0, 2, 3, 6)] == pytest.approx([0.1, 0.1, 0.05, 0.025])
    floored = OptimiserSettings(learning_rate=0.1, halve_every_steps=3, learning_rate_end=0.04)
    assert [learning_rate(floored, step, 10) for step in (3, 6, 9)] == pytest.approx([0.05, 0.04, 0.04])
