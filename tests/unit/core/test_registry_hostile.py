"""Any plugin is registered, or named as broken; no part of it ends in another error than facegen's own."""

import types
from typing import Annotated, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegen.core.batch import DataSpec
from facegen.core.errors import FacegenError, PluginError
from facegen.core.interfaces import Objective
from facegen.core.kinds import KINDS
from facegen.core.part_faults import PartFaultError, build_part
from facegen.core.plugins import Source
from facegen.core.registry import Part, Registry

SMALL = settings(max_examples=80, deadline=None, derandomize=True, database=None)
SOURCE = Source("odd", "facegen-odd", "0.3")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4)
VALUES = st.recursive(
    SCALARS | st.sampled_from([object(), type, len, 1j, NotImplemented, ..., 10**400]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
        | inner.map(lambda value: (value,))
    ),
    max_leaves=4,
)
ANNOTATIONS: list[Any] = [
    "Nowhere", "1 / 0", "((", "\0", 3, object, dict, complex, type, None, Annotated[float, 3], torch.Tensor,
    lambda: 0, "int | Nowhere", int, float, str, bool, list[int],
]  # fmt: skip
RESULTS: list[Any] = [
    torch.zeros(()), torch.zeros(2, 3), torch.zeros(2) * 1j, torch.zeros(3, dtype=torch.int64), float("nan"), 2**70,
    torch.zeros(4, 3, 8, 8).to_sparse(), torch.zeros((), device="meta"), torch.zeros(1).expand(10**6),
]  # fmt: skip
METHODS = ("discriminator_terms", "generator_terms", "diagnostics")
EXCEPTIONS = [kind for kind in vars(__import__("builtins")).values()
              if isinstance(kind, type) and issubclass(kind, BaseException)
              and not issubclass(kind, (KeyboardInterrupt, MemoryError, UnicodeError, BaseExceptionGroup))]  # fmt: skip


def part_of(target: Any) -> Part:
    return Part(KINDS["objective"], "odd", target, SOURCE)


@SMALL
@given(hook=st.sampled_from([kind.hook for kind in KINDS.values()]), returned=VALUES)
def test_any_result_of_a_hook(hook, returned):
    registry = Registry()

    def implementation():
        return returned

    implementation.facegen_impl = dict.fromkeys(
        ("wrapper", "hookwrapper", "optionalhook", "tryfirst", "trylast", "specname")
    )
    registry.add(SOURCE, types.SimpleNamespace(**{hook: implementation}))
    parts = [part for named in registry.parts.values() for part in named.values()]
    assert parts or registry.broken or returned == {}
    assert all(str(SOURCE) in str(broken) and len(str(broken)) < 5000 for broken in registry.broken)
    for part in parts:
        with pytest.raises(PluginError, match=r"plugin 'odd' \(package facegen-odd 0.3\)"):
            part.load()


@SMALL
@given(default=VALUES, annotation=st.sampled_from(ANNOTATIONS), is_given=st.booleans())
def test_any_setting(default, annotation, is_given):
    def construct(self, data, *, odd=default):
        super(cls, self).__init__()

    construct.__annotations__ = {"odd": annotation} if is_given else {}
    cls = type("Odd", (Objective,), {"__init__": construct, "__module__": __name__})
    try:
        part_of(cls).schema()
    except PluginError as error:
        assert all(str(SOURCE) in problem for problem in error.problems)


@SMALL
@given(method=st.sampled_from(METHODS), value=VALUES | st.sampled_from(RESULTS), name=st.none() | VALUES)
def test_any_result_of_a_method(method, value, name):
    returned = value if name is None or isinstance(name, (list, dict, tuple)) else {name: value}
    cls = type("Odd", (Objective,), {method: lambda self, critic: returned, "__module__": __name__})
    part = part_of(
        type("Odd", (cls,), {"__init__": lambda self, data: super(cls, self).__init__(), "__module__": __name__})
    )
    built = build_part(part, (DataSpec(16),), {})
    try:
        terms = getattr(built, method)(None)
    except PartFaultError as error:
        assert str(SOURCE) in str(error)
        return
    assert all(isinstance(key, str) and term.dtype == torch.float32 for key, term in terms.items())


@SMALL
@given(
    kind=st.sampled_from(EXCEPTIONS), texts=st.lists(st.text(max_size=5), max_size=2), method=st.sampled_from(METHODS)
)
def test_any_exception(kind, texts, method):
    def fail(self, *arguments):
        raise kind(*texts)

    at_start = method == "diagnostics"
    cls = type("Odd", (Objective,), {"__init__" if at_start else method: fail, "__module__": __name__})
    with pytest.raises(FacegenError, match=r"plugin 'odd' \(package facegen-odd 0.3\): objective 'odd' fails in"):
        getattr(build_part(part_of(cls), (DataSpec(16),) if at_start else (), {}), method)(None)
