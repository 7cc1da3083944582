"""Bad declarations of parts are refused with a reason."""

from typing import Annotated, Any

import pytest
from pydantic import Field

from facegen import Conditioner, DataSpec, Objective
from facegen.testing import SampleDiscriminator, check_declaration


class Good(Objective):
    """A loss.

    Engine:
        data: not used.
    Settings:
        weight: of the term;
            on two lines.
        near, far: bounds.
    Source:
        Ours.
    """

    def __init__(
        self, data: DataSpec, *, weight: Annotated[float, Field(gt=0)] = 1.0, near: int = 0, far: int = 1
    ) -> None: ...


class NoDocstring(Objective):
    def __init__(self, data: DataSpec) -> None: ...


class NoSentence(Objective):
    """a loss

    Engine:
        data: not used.
    Source:
        Ours.
    """

    def __init__(self, data: DataSpec) -> None: ...


class NoSource(Objective):
    """A loss.

    Engine:
        data: not used.
    """

    def __init__(self, data: DataSpec) -> None: ...


class NoSettings(Objective):
    """A loss.

    Engine:
        data: not used.
    Source:
        Ours.
    """

    def __init__(self, data: DataSpec, *, weight: float = 1.0) -> None: ...


class Stale(Objective):
    """A loss.

    Engine:
        data: not used.
    Settings:
        weigth: of the term.
        weight: of the term.
    Source:
        Ours.
    """

    def __init__(self, data: DataSpec, *, weight: float = 1.0) -> None: ...


class NoAnnotation(Objective):
    """A loss.

    Engine:
        data: not used.
    Settings:
        weight: of the term.
    Source:
        Ours.
    """

    def __init__(self, data: DataSpec, *, weight=1.0) -> None: ...


class BadDefault(Objective):
    """A loss.

    Engine:
        data: not used.
    Settings:
        weight: of the term.
    Source:
        Ours.
    """

    def __init__(self, data: DataSpec, *, weight: Annotated[float, Field(gt=0)] = 0.0) -> None: ...


class Swallows(Objective):
    """A loss.

    Engine:
        data: not used.
    Source:
        Ours.
    """

    def __init__(self, data: DataSpec, **settings: Any) -> None: ...


class NoShape(Conditioner):
    """A conditioner.

    Engine:
        data: not used.
    Settings:
        trained: collides.
    Source:
        Ours.
    """

    def __init__(self, data: DataSpec) -> None: ...

    def forward(self, batch): ...


class Collides(Conditioner):
    """A conditioner.

    Engine:
        data: not used.
    Settings:
        trained: whether.
    Source:
        Ours.
    """

    def __init__(self, data: DataSpec, *, trained: bool = True) -> None: ...


@pytest.mark.parametrize(
    ("kind", "part", "message"),
    [
        ("penalty", Good, "is no subclass of facegen.Penalty"),
        ("objective", NoDocstring, "has no docstring"),
        ("objective", NoSentence, "must begin with a sentence, not 'a loss'"),
        ("objective", NoSource, "no section 'Source:'"),
        ("objective", NoSettings, "'Settings:' does not explain weight"),
        ("objective", Stale, "'Settings:' explains weigth, which it does not have"),
        ("objective", NoAnnotation, "setting 'weight' has no annotation"),
        ("objective", BadDefault, "its defaults are not valid: weight = 0.0: must be greater than 0"),
        ("objective", Swallows, r"takes \*settings"),
        ("conditioner", NoShape, "no section 'Shape:'"),
        ("conditioner", Collides, r"'trained' is a key of \[conditioner\] that is reserved for the engine"),
    ],
)
def test_bad_declarations_are_refused(kind, part, message):
    with pytest.raises(AssertionError, match=message):
        check_declaration(kind, part)


def test_good_declarations_pass():
    check_declaration("objective", Good)
    check_declaration("discriminator", SampleDiscriminator)
