"""Hooks of the documentation site: pages made from the code, and links that leave the folder docs."""

import posixpath
import re
from pathlib import Path

from command_pages import command_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from part_pages import part_pages
from recipe_pages import recipe_key_page, recipe_pages
from repository_pages import REPOSITORY_PAGES, repository_pages

from facegen.core.kinds import KINDS

PROJECT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[([^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(```.*?```)", re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the generated pages, and put those of parts and recipes into the navigation."""
    parts, recipes = part_pages(), recipe_pages()
    config.extra["generated"] = {
        **{uri: text for pages in (parts, recipes) for uri, text in pages.items()},
        **repository_pages(PROJECT),
        "reference/commands.md": command_page(),
        "reference/keys.md": recipe_key_page(),
    }
    by_kind: dict[str, list[dict[str, str]]] = {}
    for uri in parts:
        by_kind.setdefault(posixpath.dirname(uri), []).append({_stem(uri): uri})
    _fill(config.nav, "Parts", [{posixpath.basename(kind): uris} for kind, uris in by_kind.items()])
    packages = [uri for uri in REPOSITORY_PAGES if uri.startswith("plugin_packages/")]
    results = sorted(path.relative_to(PROJECT / "docs").as_posix() for path in (PROJECT / "docs/results").glob("*.md"))
    _fill(config.nav, "Plugin packages", [{_stem(uri): uri} for uri in packages])
    _fill(config.nav, "Results", results)
    _fill(config.nav, "Shipped recipes", ["reference/recipes/index.md", *({_stem(uri): uri} for uri in recipes)])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for uri, text in config.extra["generated"].items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to files outside of docs to their pages on the site; others become plain text."""
    source = REPOSITORY_PAGES.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def rewritten(link: re.Match[str]) -> str:
        text, target, anchor = link[1], link[2], link[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if page.file.src_uri in config.extra["generated"] and page.file.src_uri not in REPOSITORY_PAGES:
            return link[0]  # its links are those of the site already
        uri = site_uri(path)
        if uri is None or files.get_file_from_path(uri) is None:
            return text
        return f"[{text}]({posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or '.')}{anchor})"

    if page.file.src_uri == "recipes.md":
        markdown = with_links_to_parts(markdown, set(config.extra["generated"]))
    pieces = FENCE.split(markdown)
    return "".join(piece if piece.startswith("```") else LINK.sub(rewritten, piece) for piece in pieces)


def site_uri(path: str) -> str | None:
    """Return the page of a file of the repository, or None where it has none."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path == "README.md":
        return "index.md"
    if path.startswith("recipes/") and path.endswith(".toml"):
        return f"reference/{path.removesuffix('.toml')}.md"
    pages = {file: uri for uri, file in REPOSITORY_PAGES.items()}
    return pages.get(path) or pages.get(f"{path}/README.md")


def with_links_to_parts(markdown: str, pages: set[str]) -> str:
    """Lead the names in the tables of built-in parts to their pages; a bold plural above a table names the kind."""
    kind, lines = "", []
    for line in markdown.splitlines():
        heading, row = re.match(r"\*\*(\w+?)s\*\*", line), re.match(r"\|(?: \w* \|)? `(\w+)` \|", line)
        if heading or line.startswith(("#", "**")):
            kind = heading[1].lower() if heading and heading[1].lower() in KINDS else ""
        if row:
            uris = [f"reference/parts/{each}/{row[1]}.md" for each in ([kind] if kind else KINDS)]
            present = [uri for uri in uris if uri in pages]
            if len(present) == 1:
                line = line.replace(f"`{row[1]}`", f"[`{row[1]}`]({present[0]})", 1)
        lines.append(line)
    return "\n".join(lines)


def _stem(uri: str) -> str:
    return posixpath.basename(uri).removesuffix(".md")


def _fill(nav: list, title: str, pages: list) -> None:
    """Replace the empty list of a section of the navigation, at whatever depth."""
    for entry in nav:
        for name, value in entry.items() if isinstance(entry, dict) else ():
            if name == title:
                entry[name] = pages
            elif isinstance(value, list):
                _fill(value, title, pages)
