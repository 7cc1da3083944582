"""Pages of the repository that lie outside of the folder docs."""

from pathlib import Path

REPOSITORY_PAGES = {
    "reference/recipes/index.md": "recipes/README.md",
    "project/changelog.md": "CHANGELOG.md",
    "project/contributing.md": "CONTRIBUTING.md",
    "project/code_of_conduct.md": "CODE_OF_CONDUCT.md",
    "project/security.md": "SECURITY.md",
    **{
        f"plugin_packages/{path.parent.name}.md": f"plugins/{path.parent.name}/README.md"
        for path in sorted(Path(__file__).parents[2].glob("plugins/*/README.md"))
    },
}
"""{page of the site: file of the repository}."""


def repository_pages(project: Path) -> dict[str, str]:
    """Return {page of the site: text}."""
    return {uri: (project / path).read_text(encoding="utf-8") for uri, path in REPOSITORY_PAGES.items()}
