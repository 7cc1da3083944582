"""Plots as SVG, by matplotlib, with colours for light and dark pages."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facegen.core.files import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = NDArray[np.float64]
Draw = Callable[["Axes"], None]
INCHES = (4.6, 3.2)
"""Of a plot: its text can be read on a phone, and two stand beside each other on a desk."""
_INK = "#7b7c7d"
"""Stands in for the page's own colour of text while a plot is drawn."""
_STYLE = "<style>svg{color:#3a3f45;background:transparent}@media(prefers-color-scheme:dark){svg{color:#c9ced4}}</style>"
_PALETTE = ("#3b7dd8", "#e07b39", "#2f9e62", "#c04a8c", "#8a6fd1", "#b58900", "#d1495b", "#2a9da5")
_LINES = ("-", "--", ":")


@dataclass(frozen=True)
class Cloud:
    """Points of one group.

    Attributes:
        name: in the legend.
        across, up: (N,) places of the points.
    """

    name: str
    across: Values
    up: Values


def draw_clouds(clouds: Sequence[Cloud], title: str, across: str, up: str, path: Path) -> None:
    """Draw a scatter plot.

    Args:
        clouds: the points; empty ones are left out.
        title: above them.
        across, up: what the axes show.
        path: of the SVG.
    """

    def draw(axes: "Axes") -> None:
        for number, cloud in enumerate(cloud for cloud in clouds if len(cloud.across)):
            # As pixels: thousands of points as outlines would make a page of megabytes.
            axes.scatter(
                cloud.across, cloud.up, s=7, alpha=0.45, linewidths=0, color=_PALETTE[number % len(_PALETTE)],
                label=_shown(cloud.name), rasterized=True,
            )  # fmt: skip
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.set_ylim(bottom=0)

    _save(draw, title, path, num_names=len(clouds))


def draw_curves(curves: Mapping[str, tuple[Values, Values]], title: str, path: Path, *, across: str = "step") -> None:
    """Draw curves of measures over steps.

    Args:
        curves: {name: (steps, values)}
        title: above them.
        path: of the SVG.
        across: what grew.
    """

    def draw(axes: "Axes") -> None:
        for number, (name, (steps, values)) in enumerate(curves.items()):
            line = _LINES[number // len(_PALETTE) % len(_LINES)]
            marker = "o" if len(steps) == 1 else ""
            colour = _PALETTE[number % len(_PALETTE)]
            axes.plot(steps, values, line, marker=marker, markersize=4, linewidth=1.3, color=colour, label=_shown(name))
        axes.set_xlabel(across)

    _save(draw, title, path, num_names=len(curves))


def _shown(name: str) -> str:
    """Prefix a zero-width space to names that begin with an underscore, which matplotlib leaves out of legends."""
    return f"\u200b{name}" if name.startswith("_") else name


def _save(draw: Draw, title: str, path: Path, num_names: int) -> None:
    # Imported here: it takes a second, and only those who draw need it.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    colours = {key: _INK for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")}
    settings: dict[Any, Any] = {
        **colours, "svg.fonttype": "none", "svg.hashsalt": path.name, "font.size": 9.0, "axes.titlesize": 10.0,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 8.0,
        "grid.color": _INK, "grid.alpha": 0.2, "axes.grid": True, "font.family": "sans-serif",
        # Names come from plug-ins and corpora; a dollar in one would begin a formula.
        "text.parse_math": False,
    }  # fmt: skip
    with mpl.rc_context(settings):
        rows = -(-num_names // 2)
        figure = Figure(figsize=(INCHES[0], INCHES[1] + 0.18 * rows), layout="constrained", facecolor="none")
        axes = figure.add_subplot(facecolor="none")
        draw(axes)
        axes.set_title(title, loc="left")
        if axes.get_legend_handles_labels()[1]:
            figure.legend(loc="outside lower center", ncols=2)
        text = io.StringIO()
        figure.savefig(text, format="svg", dpi=160, metadata={"Date": None, "Creator": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, _inked(text.getvalue()))


def _inked(svg: str) -> str:
    """Replace our ink by the page's colour, and remove the XML prolog."""
    body = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    end = body.index(">") + 1
    return f"{body[:end]}\n{_STYLE}{body[end:]}"
