"""Parts of plugins in `part_code`: which exceptions are explained, and that a part stays what it is otherwise."""

import copy
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.core.errors import DataError
from facegen.core.interfaces import Augmentation, Objective
from facegen.core.kinds import KINDS
from facegen.core.part_faults import PartFaultError, build_part, part_code, source_of
from facegen.core.registry import Part, Source

SOURCE = Source("odd", "facegen-odd", "0.3")


class Odd(Objective):
    """An objective."""

    def __init__(self, data, *, error=None, heads=("score",)):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))
        self.error, self.heads = error, dict.fromkeys(heads, 1)

    def generator_terms(self, critic):
        print("noise")
        if self.error is not None:
            raise self.error
        return {"g": self.weight.sum()}


def part(kind: str, target: type) -> Part:
    return Part(KINDS[kind], "odd", target, SOURCE)


def build(**settings: object) -> Objective:
    built: Objective = build_part(part("objective", Odd), (DataSpec(16),), settings)
    return built


@pytest.mark.parametrize(
    "error", [KeyError("x"), ZeroDivisionError(), SystemExit(0), NotImplementedError("later"), OSError("gone")]
)
def test_exceptions_are_explained(error: BaseException) -> None:
    with pytest.raises(PartFaultError) as raised:
        build(error=error).generator_terms(None)
    start = f"{SOURCE}: objective 'odd' fails in generator_terms ({__file__}:"
    assert str(raised.value).startswith(start) and type(error).__name__ in str(raised.value)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [DataError("own message"), KeyboardInterrupt(), MemoryError(), torch.OutOfMemoryError("full")]
)
def test_own_messages_interruptions_and_lack_of_memory_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        build(error=error).generator_terms(None)
    assert raised.value is error


def test_output_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    build().generator_terms(None)
    assert capsys.readouterr() == ("", "noise\n")


def test_a_guarded_part_is_its_class_and_its_copies_are_guarded() -> None:
    built = build()
    assert isinstance(built, Odd) and repr(built).startswith("Odd(") and type(built).__module__ == __name__
    assert type(built).update is Objective.update, "what a part does not define stays the interface's"
    copied = copy.deepcopy(built)
    copied.error = KeyError("copied")
    with pytest.raises(PartFaultError):
        copied.generator_terms(None)
    assert list(built.state_dict()) == ["weight"]
    assert source_of(built) == f" of {SOURCE}" and source_of(Odd(None)) == ""


@pytest.mark.parametrize(("kind", "num_given"), [(staticmethod, 1), (classmethod, 2)])
def test_static_and_class_methods_in_place_of_methods_are_guarded(kind: type, num_given: int) -> None:
    class Static(Odd):
        generator_terms = kind(lambda *given: {}[len(given)])

    with pytest.raises(PartFaultError, match=rf"objective .odd. fails in generator_terms .*KeyError: {num_given}"):
        build_part(part("objective", Static), (DataSpec(16),), {}).generator_terms(None)


def test_attributes_are_checked_when_a_part_is_built() -> None:
    class Listed(Odd):
        def __init__(self, data):
            super().__init__(data)
            self.heads = ["score"]

    class Bare(Augmentation):
        pass

    class Named(Odd):
        generator_terms = property(lambda self: {})

    for kind, target, message in (
        ("objective", Listed, r"heads = \['score'\]; must be a Mapping"),
        ("augmentation", Bare, "the class does not define forward"),
        ("objective", Named, "generator_terms: a property; must be a method"),
    ):
        with pytest.raises(PartFaultError, match=message):
            build_part(part(kind, target), (DataSpec(16),) if kind == "objective" else (), {})


def test_a_generator_is_watched_while_it_runs() -> None:
    from facegen.core.collection_interfaces import Executor

    closed = []

    class Serial(Executor):
        def run(self, work, tasks) -> Iterator[tuple[int, int]]:
            try:
                yield 1, 1
                raise LookupError("lost worker")
            finally:
                closed.append(True)

    serial = replace(part("executor", Serial))
    results = build_part(serial, (), {}).run(None, [])
    assert next(results) == (1, 1)
    with pytest.raises(PartFaultError, match=r"executor .odd. fails in run .*LookupError: lost worker"):
        next(results)
    early = build_part(serial, (), {}).run(None, [])
    next(early)
    early.close()
    assert closed == [True, True]


def test_the_place_is_that_of_the_class_where_no_line_of_it_ran() -> None:
    with (
        pytest.raises(PartFaultError, match=rf"fails in __init__ \({__file__}:\d+\)"),
        part_code(part("objective", Odd), Odd, "__init__"),
    ):
        eval("1 / 0", {"__name__": "elsewhere"})


def test_a_lower_recursion_limit_is_put_back() -> None:
    class Shallow(Odd):
        def generator_terms(self, critic):
            sys.setrecursionlimit(500)
            return {}

    before = sys.getrecursionlimit()
    assert build_part(part("objective", Shallow), (DataSpec(16),), {}).generator_terms(None) == {}
    assert sys.getrecursionlimit() == before


@pytest.mark.parametrize("within", ["cpu", "meta"])
def test_the_default_device_is_put_back(within: str) -> None:
    class Moving(Odd):
        def generator_terms(self, critic):
            torch.set_default_device("meta")
            return {}

    built = build_part(part("objective", Moving), (DataSpec(16),), {})
    with (
        torch.device(within),
        pytest.raises(PartFaultError, match="default dtype, device or grad mode of torch, which all parts share"),
    ):
        built.generator_terms(None)
    assert torch.zeros(1).device.type == "cpu"
