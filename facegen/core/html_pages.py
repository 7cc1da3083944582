"""HTML pages from Jinja2 templates in the folder `templates` of a package."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment(package: str) -> Environment:
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render_page(package: str, template: str, values: Mapping[str, Any]) -> str:
    """Render a template; text is escaped, and an undefined name is an error.

    Args:
        package: the Python package with the folder `templates`, such as "facegen.evaluation.render".
        template: file in that folder.
        values: {name: value} that the template reads.
    """
    return _environment(package).get_template(template).render(values)


def template_text(package: str, template: str) -> str:
    """Read a file of the folder unchanged, such as a script whose hash a page declares."""
    loader = _environment(package).loader
    assert loader is not None
    return loader.get_source(_environment(package), template)[0]
