"""Plots as SVG by matplotlib, with colours for light and dark pages."""

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
"""Size of a plot: legible on a phone, and two fit side by side on a desktop."""
_INK = "#7b7c7d"
"""Placeholder for the page's text colour, replaced in the finished SVG."""
_STYLE = "<style>svg{color:#3a3f45;background:transparent}@media(prefers-color-scheme:dark){svg{color:#c9ced4}}</style>"
_PALETTE = ("#3b7dd8", "#e07b39", "#2f9e62", "#c04a8c", "#8a6fd1", "#b58900", "#d1495b", "#2a9da5")
_LINES = ("-", "--", ":")


@dataclass(frozen=True)
class Points:
    """Points of one group in a scatter plot.

    Attributes:
        name: name in the legend.
        x, y: (N,) coordinates.
    """

    name: str
    x: Values
    y: Values


def draw_scatter(groups: Sequence[Points], title: str, x_label: str, y_label: str, path: Path) -> None:
    """Draw a scatter plot.

    Args:
        groups: the points; empty groups are left out.
        title: title of the plot.
        x_label, y_label: labels of the axes.
        path: SVG file to write.
    """

    def draw(axes: "Axes") -> None:
        for number, points in enumerate(points for points in groups if len(points.x)):
            # Rasterised, because thousands of vector points make the page several megabytes large.
            axes.scatter(
                points.x, points.y, s=7, alpha=0.45, linewidths=0, color=_PALETTE[number % len(_PALETTE)],
                label=_legend_name(points.name), rasterized=True,
            )  # fmt: skip
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.set_ylim(bottom=0)

    _save(draw, title, path, num_names=len(groups))


def draw_curves(curves: Mapping[str, tuple[Values, Values]], title: str, path: Path, *, x_label: str = "step") -> None:
    """Draw curves of values over steps.

    Args:
        curves: {name: (steps, values)}
        title: title of the plot.
        path: SVG file to write.
        x_label: label of the horizontal axis.
    """

    def draw(axes: "Axes") -> None:
        for number, (name, (steps, values)) in enumerate(curves.items()):
            line = _LINES[number // len(_PALETTE) % len(_LINES)]
            marker = "o" if len(steps) == 1 else ""
            colour = _PALETTE[number % len(_PALETTE)]
            axes.plot(
                steps, values, line, marker=marker, markersize=4, linewidth=1.3, color=colour, label=_legend_name(name)
            )
        axes.set_xlabel(x_label)

    _save(draw, title, path, num_names=len(curves))


def _legend_name(name: str) -> str:
    """Prefix a zero-width space to names that begin with an underscore, which matplotlib leaves out of legends."""
    return f"\u200b{name}" if name.startswith("_") else name


def _save(draw: Draw, title: str, path: Path, num_names: int) -> None:
    # The import takes a second, and only plots need it.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    colours = {key: _INK for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")}
    settings: dict[Any, Any] = {
        **colours, "svg.fonttype": "none", "svg.hashsalt": path.name, "font.size": 9.0, "axes.titlesize": 10.0,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 8.0,
        "grid.color": _INK, "grid.alpha": 0.2, "axes.grid": True, "font.family": "sans-serif",
        # A dollar in the name of a plugin or a corpus must not begin a formula.
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
    """Replace the placeholder by the page's text colour, and remove the XML prolog."""
    body = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    end = body.index(">") + 1
    return f"{body[:end]}\n{_STYLE}{body[end:]}"
