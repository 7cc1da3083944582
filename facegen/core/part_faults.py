"""Faults in the code of a plugin's part: named with the part, its package and the line of its source.

Parts of plugins are built by `build_part`. Every method that the engine calls then runs inside `part_code`, and its
result is checked. Parts of facegen itself are built as they are.
"""

import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from facegen.core.errors import FacegenError, PluginError
from facegen.core.interruption import REQUESTS_TO_STOP
from facegen.core.part_contract import missing_methods, properties_for_methods
from facegen.core.plugins import contained
from facegen.core.text.raised import raised

if TYPE_CHECKING:
    from facegen.core.registry import Part

TRACEBACK = "FACEGEN_TRACEBACK"
"""Environment variable: where it is set, a fault of a plugin is shown with its traceback."""
_SOURCE = "_facegen_source"

ResultCheck = Callable[[tuple[Any, ...], object], None]
"""Raises TypeError for (arguments, result) of a method that breaks the contract."""


class PartFaultError(PluginError):
    """A fault in the code of a plugin's part; `__cause__` is the exception that it raised."""


def build_part(part: "Part", supplied: tuple[Any, ...], settings: Mapping[str, Any]) -> Any:
    """Build a part of a plugin.

    Raises:
        FacegenError: as the part raised it.
        PartFaultError: any other exception of its constructor, or an attribute that is missing or of another type.
    """
    loaded = part.load()
    with part_code(part, loaded, "__init__"):
        missing = missing_methods(part.kind.name, loaded, part.kind.interface_class())
        if missing:
            raise TypeError(f"the class does not define {', '.join(missing)}")
        properties = properties_for_methods(loaded, part.kind.interface_class())
        if properties:
            raise TypeError(f"{', '.join(properties)}: a property; must be a method")
        built = _guarded_class(part, loaded)(*supplied, **settings)
        if part.kind.chosen_in == "recipe":
            from facegen.core.part_results import check_attributes

            check_attributes(part.kind.name, built)
    return built


def source_of(built: object) -> str:
    """Return the plugin of a part, with a space before it, for messages; "" for a part of facegen itself."""
    source = getattr(built, _SOURCE, "")
    return f" of {source}" if source else ""


@contextmanager
def part_code(part: "Part", loaded: type, method: str) -> Iterator[None]:
    """Run code of a plugin's part; what it prints goes to stderr.

    Raises:
        FacegenError: as the code raised it; KeyboardInterrupt and errors of memory pass unchanged, too.
        PartFaultError: any other exception of the code, or sys.exit.
    """
    before = _shared_state()
    try:
        with contained():
            yield
        if before and _shared_state() != before:
            raise RuntimeError("it changes the default dtype, device or grad mode of torch, which all parts share")
    except REQUESTS_TO_STOP:
        raise
    except BaseException as error:
        if isinstance(error, FacegenError | MemoryError) or type(error).__name__ == "OutOfMemoryError":
            raise
        raise PartFaultError(_explain(part, loaded, method, error)) from error
    finally:
        _restore(before)


def _shared_state() -> tuple[Any, ...]:
    """Return what a part may change for all others; () while torch is not imported, as this module does not."""
    torch = sys.modules.get("torch")
    return () if torch is None else (torch.get_default_dtype(), torch.is_grad_enabled(), _default_device(torch))


def _default_device(torch: Any) -> Any:
    """Return the context of torch.set_default_device; `get_default_device` would return that of a `with` block."""
    return getattr(getattr(torch, "_GLOBAL_DEVICE_CONTEXT", None), "device_context", None)


def _restore(state: tuple[Any, ...]) -> None:
    if state and _shared_state() != state:
        torch = sys.modules["torch"]
        torch.set_default_dtype(state[0])
        torch.set_grad_enabled(state[1])
        if _default_device(torch) is not state[2]:
            torch.set_default_device(None if state[2] is None else state[2].device)


def _explain(part: "Part", loaded: type, method: str, error: BaseException) -> str:
    detail = f"set {TRACEBACK}=1 to see the traceback"
    if os.environ.get(TRACEBACK):
        detail = "the traceback:\n" + "".join(traceback.format_exception(error)).rstrip()
    return (
        f"{part.source}: {part.kind.name} '{part.name}' fails in {method} ({_location(loaded, method, error)}): "
        f"{raised(error)}; report it to the authors of {part.source.package}; {detail}"
    )


def _location(loaded: type, method: str, error: BaseException) -> str:
    """Return file:line of the innermost frame in the part's own package, or else that of the method."""
    package = loaded.__module__.partition(".")[0]
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package:
            return f"{frame.f_code.co_filename}:{line}"
    for owner in (inspect.getattr_static(loaded, method, None), loaded):
        member = owner.fget if isinstance(owner, property) else owner
        try:
            return f"{inspect.getfile(member)}:{inspect.getsourcelines(member)[1]}"  # type: ignore[arg-type]
        except (OSError, TypeError):
            continue
    return loaded.__module__


@functools.cache
def _guarded_class(part: "Part", loaded: type) -> type:
    """Derive a class whose methods, as far as its interface has them and the part defines them, run in `part_code`.

    A derived class, and no wrapper around the object, because modules are copied, moved and compared by their class.
    """
    interface = part.kind.interface_class()
    members: dict[str, Any] = {
        "__module__": loaded.__module__, "__qualname__": loaded.__qualname__, "__doc__": loaded.__doc__,
        _SOURCE: str(part.source),
    }  # fmt: skip
    for name in (name for name in dir(interface) if not name.startswith("_")):
        member = inspect.getattr_static(loaded, name)
        if member is inspect.getattr_static(interface, name):
            continue
        if inspect.isfunction(member):
            members[name] = _guarded_method(part, loaded, name, member)
        elif isinstance(member, staticmethod | classmethod):
            members[name] = _guarded_method(part, loaded, name, _as_method(member))
        elif isinstance(member, property) and member.fget is not None:
            members[name] = property(_guarded_method(part, loaded, name, member.fget), member.fset, member.fdel)
    return type(loaded)(loaded.__name__, (loaded,), members)


def _as_method(member: "staticmethod[..., Any] | classmethod[Any, ..., Any]") -> Callable[..., Any]:
    """Return a method that calls what a class has as a static or class method, where its interface has a method."""

    @functools.wraps(member.__func__)
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        return member.__get__(self, type(self))(*arguments, **named)

    return method


def _guarded_method(part: "Part", loaded: type, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    check = _result_check(part, name)

    @functools.wraps(method)
    def guarded(self: Any, *arguments: Any, **named: Any) -> Any:
        with part_code(part, loaded, name):
            returned = method(self, *arguments, **named)
            check(arguments, returned)
        if inspect.isgenerator(returned):
            return _guarded_items(returned, lambda: part_code(part, loaded, name))
        return returned

    return guarded


def _guarded_items(items: Any, code: Callable[[], Any]) -> Iterator[Any]:
    try:
        while True:
            with code():
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
    finally:
        items.close()


def _result_check(part: "Part", method: str) -> ResultCheck:
    if part.kind.chosen_in == "recipe":
        from facegen.core.part_results import result_check

        return result_check(part.kind.name, method)
    return _check_boxes if method == "find" else lambda arguments, returned: None


def _check_boxes(arguments: tuple[Any, ...], returned: object) -> None:
    from facegen.core.collection_interfaces import FaceBox

    if not (isinstance(returned, list) and all(isinstance(box, FaceBox) for box in returned)):
        raise TypeError(f"returns {returned!r:.100}; must be a list of facegen.FaceBox")
