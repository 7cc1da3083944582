"""Hinge loss for facegen."""

from facegen import hookimpl


@hookimpl
def facegen_objectives() -> dict[str, str]:
    return {"hinge": "facegen_hinge.hinge:Hinge"}
