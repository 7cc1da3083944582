"""Checks of the arguments of the Python interface by their annotations, with facegen's own errors."""

import functools
import inspect
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from facegen.core.disk_faults import explain_disk_fault
from facegen.core.errors import DataError
from facegen.core.text.shown import shown

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _index(value: object) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError  # torch takes none for a size
        return operator.index(value)  # type: ignore[arg-type]  # integers of numpy, too
    except TypeError:
        raise ValueError("must be an integer") from None


def _without_nul(path: str | Path) -> str | Path:
    if "\0" in str(path):
        raise ValueError("must have no NUL character")
    return path


PathOrName = Annotated[str | Path, AfterValidator(_without_nul)]
"""A path, or the name of something that ships with facegen."""
Integer = Annotated[int, BeforeValidator(_index), Field(ge=-(2**63), lt=2**63)]
Count = Annotated[Integer, Field(ge=1)]


def checked(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Check the arguments of every call of a function; it gets them unchanged.

    Parameters without an annotation that pydantic knows, such as arrays, are checked where they are read.

    Raises:
        DataError: by the decorated function, with one problem per argument, or for a file that cannot be read or
            written.
    """
    signature = inspect.signature(function)

    @functools.cache
    def adapters() -> dict[str, TypeAdapter[Any]]:
        built = {name: _adapter(parameter.annotation) for name, parameter in signature.parameters.items()}
        return {name: adapter for name, adapter in built.items() if adapter is not None}

    @functools.wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        given = signature.bind(*args, **kwargs).arguments
        problems = []
        for name, adapter in adapters().items():
            try:
                if name in given:
                    adapter.validate_python(given[name], strict=True)
            except ValidationError as error:
                problems.append(f"{function.__name__}: {name} = {shown(given[name])}: {_reasons(error)}")
        if problems:
            raise DataError(*problems)
        try:
            return function(*args, **kwargs)
        except OSError as error:
            raise DataError(explain_disk_fault(error)) from error

    return call


def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return None
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticSchemaGenerationError:
        return None


def _reasons(error: ValidationError) -> str:
    """Return the reasons, each once; a union has one for each member."""
    texts = [problem["msg"].removeprefix("Value error, ") for problem in error.errors()]
    return ", or ".join(dict.fromkeys(text.replace("Input should be", "must be") for text in texts))
