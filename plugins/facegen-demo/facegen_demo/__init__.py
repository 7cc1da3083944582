"""A page on this machine that draws faces from voices."""

from facegen import hookimpl


@hookimpl
def facegen_commands() -> dict[str, str]:
    return {"demo": "facegen_demo.command:demo"}
