"""The documentation site: it builds strictly, asks nothing of the network, and reads well on a desk and on a phone."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from facegen.core.registry import registry

PROJECT = Path(__file__).parents[1]
SITE = PROJECT / "build" / "docs"
SCREENSHOTS = os.environ.get("FACEGEN_SCREENSHOTS")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
LOOKED_AT = {
    "front": "index.html",
    "part": "reference/parts/objective/relid.html",
    "network": "reference/parts/generator/adain.html",
    "tutorial": "tutorials/artist.html",
    "concepts": "concepts.html",
    "keys": "reference/keys.html",
}
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]+src=[\"']?([^\"' >]+)|<link[^>]+href=[\"']?([^\"' >]+)")
"""Addresses that a page loads by itself; links that people click are none."""
needs_mkdocs = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("mkdocs", "material", "mkdocstrings")),
    reason="the packages of the documentation are not installed: pip install '.[docs]'",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a link without a target, or an unlisted page, fails."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@needs_mkdocs
@pytest.mark.slow
def test_the_site_has_a_page_for_each_built_in_part(built):
    for kind, parts in registry().parts.items():
        for name, part in parts.items():
            if part.source.package == "facegen":
                page = (built / "reference" / "parts" / kind / f"{name}.html").read_text(encoding="utf-8")
                assert "In a recipe" in page and f"facegen describe {kind} {name}" in page


@needs_mkdocs
@pytest.mark.slow
def test_links_of_the_repository_lead_to_pages_of_the_site(built):
    for page, target in (
        ("recipes.html", "reference/parts/generator/adain.html"),
        ("papers.html", "reference/recipes/index.html"),
        ("troubleshooting.html", "project/contributing.html"),
        ("commands.html", "plugin_packages/facegen-demo.html"),
    ):
        assert f'href="{target}"' in (built / page).read_text(encoding="utf-8"), page
        assert (built / target).is_file()


@needs_mkdocs
@pytest.mark.slow
def test_the_site_asks_nothing_of_the_network(built):
    for page in built.rglob("*.html"):
        loaded = {address for match in LOADED.findall(page.read_text(encoding="utf-8")) for address in match}
        assert not [address for address in loaded if re.match(r"(?:https?:)?//", address)], page.relative_to(built)
    styles = "".join(path.read_text(encoding="utf-8") for path in built.rglob("*.css"))
    assert not re.search(r"(?:@import|url\()[\s\"']*(?:https?:)?//", styles)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not SCREENSHOTS:
        pytest.skip("needs a browser and time: run it by `make browser`")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    if not (SITE / "index.html").is_file():
        pytest.skip("build/docs does not exist: `make docs` builds it")
    playwright = pytest.importorskip("playwright.sync_api", reason="not installed: pip install '.[browser]'")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS, timeout=120_000)
        yield chromium
        chromium.close()


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LOOKED_AT)
def test_pages_fit_the_screen(browser, name, size):
    """No page is wider than the screen, reports an error, or asks another address; screenshots are kept."""
    page = browser.new_page(viewport=SIZES[size])
    page.set_default_timeout(120_000)
    faults: list[str] = []
    page.on("request", lambda request: faults.append(request.url) if not request.url.startswith("file:") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((SITE / LOOKED_AT[name]).as_uri())
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    broken = page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
    folder = Path(str(SCREENSHOTS))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"docs-{name}-{size}.png", full_page=name in ("front", "concepts"))
    page.close()
    assert wide <= 0 and not broken and not faults


@pytest.mark.browser
def test_the_search_works_on_files(browser):
    page = browser.new_page(viewport=SIZES["desk"])
    page.set_default_timeout(120_000)
    page.goto((SITE / "index.html").as_uri())
    page.fill("input.md-search__input", "overshoot")
    results = page.wait_for_selector(".md-search-result__item").inner_text()
    page.close()
    assert "overshoot" in results.lower()
