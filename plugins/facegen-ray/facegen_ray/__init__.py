"""Ray clusters for facegen."""

from facegen import hookimpl


@hookimpl
def facegen_executors() -> dict[str, str]:
    return {"ray": "facegen_ray.executor:Ray"}
