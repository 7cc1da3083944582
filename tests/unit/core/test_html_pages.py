"""Pages: text is escaped, a name that is missing is an error, and a wheel holds the templates."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

import facegen
from facegen.core.html_pages import render_page, template_text

PACKAGES = ("facegen.evaluation.render", "facegen.collect")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "pages_of_a_test" / "templates"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "page.html.j2").write_text("<p>{{ text }}</p>\n")
    (folder / "page.js").write_text("'{{ as it is }}' < 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "pages_of_a_test"


def test_text_is_escaped_and_a_missing_name_is_an_error(package: str) -> None:
    assert render_page(package, "page.html.j2", {"text": '<b> & "c"'}) == "<p>&lt;b&gt; &amp; &#34;c&#34;</p>\n"
    with pytest.raises(UndefinedError, match="text"):
        render_page(package, "page.html.j2", {})
    assert template_text(package, "page.js") == "'{{ as it is }}' < 1\n"


@pytest.mark.parametrize("package", PACKAGES)
def test_templates_lie_inside_the_package(package: str) -> None:
    """hatchling puts every file of the package into the wheel, whatever its ending."""
    folder = Path(facegen.__file__).parents[1].joinpath(*package.split("."), "templates")
    assert list(folder.glob("*.html.j2"))
