"""The plots of a report, each drawn twice: on a light and on a dark ground."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import style as style_sheet
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from training.evaluation.evaluate import Evaluation
from training.report.runs import Curve, ReportedRun, epochs_to_converge, loss_terms
from training.stages import Stage

COLOURS = ("#3b82c4", "#e08a1e", "#2a9d74", "#c0508f", "#8a6fd1", "#7d8590", "#b5553c")
_GOOD, _FAIR, _BAD = "#2a9d74", "#e0a01e", "#d5533d"
_GROUNDS = {"light": ("#ffffff", "#1d232b", "#dde2e8"), "dark": ("#1a1f26", "#d6dce4", "#343c46")}
_DPI = 180
_LABEL_LENGTH, _LINE_INCHES = 36, 0.2


@dataclass(frozen=True)
class Plot:
    """One plot as two PNG files.

    Attributes:
        name: of the files, without suffix.
        says: what it shows, for those who cannot see it.
        light: PNG on a light ground.
        dark: PNG on a dark ground.
    """

    name: str
    says: str
    light: bytes
    dark: bytes


def loss_plot(curves: Mapping[Stage, Mapping[str, Curve]]) -> Plot:
    """One panel for each stage: the total loss, and its terms when there are several."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(curves), squeeze=False)[0]
        for panel, (stage, named) in zip(panels, curves.items(), strict=True):
            for colour, term in zip(COLOURS * 3, loss_terms(named), strict=False):
                thick = 2.2 if term == "total" else 1.2
                curve = named[term]
                marker = "o" if len(curve.epochs) == 1 else ""
                panel.plot(curve.epochs, curve.values, marker=marker, color=colour, linewidth=thick, label=term)
            _finish(panel, x=f"epoch of the {stage}", y="loss of the epoch's last batch")

    says = "; ".join(f"{stage}: total loss ends at {named['total'].values[-1]:.3g}" for stage, named in curves.items())
    return _render("loss", says, draw, size=(2.2 + 3 * len(curves), 3))


def accuracy_plot(runs: Sequence[ReportedRun]) -> Plot:
    """acc@1 on validation photos over the epochs, with the epoch at which each run has converged marked."""
    shown = [(run.name, run.validation_accuracy) for run in runs]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for colour, (name, curve) in zip(COLOURS * 3, shown, strict=False):
            if curve is not None:
                axes.plot(
                    curve.epochs, curve.values, marker="o", markersize=3, color=colour, linewidth=2, label=_short(name)
                )
                axes.axvline(epochs_to_converge(curve), color=colour, linestyle=":", linewidth=1.2)
        _finish(axes, columns=1, x="epoch", y="validation acc@1, %")

    says = "; ".join(
        f"{name} reaches 95 % of its best acc@1 at epoch {epochs_to_converge(curve)}" for name, curve in shown if curve
    )
    return _render("accuracy", says, draw, size=(5.2, 2.8 + _LINE_INCHES * len(runs)))


def size_plot(runs: Sequence[ReportedRun]) -> Plot:
    """acc@1, and epochs to converge where they are known, against the parameters of the query encoder."""
    converging = [(run, curve) for run in runs if (curve := run.validation_accuracy) is not None]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2 if converging else 1, squeeze=False)[0]
        widest = max(run.num_parameters for run in runs) / 1e6
        for place, (colour, run) in enumerate(zip(COLOURS * 3, runs, strict=False)):
            summary = run.evaluation.summary
            mean = summary["acc@1"]
            low, high = summary["acc@1_95"] or (mean, mean)
            error = [[max(0.0, mean - low)], [max(0.0, high - mean)]]
            # Runs of one size, moved apart by a hundredth of the axis, are seen side by side.
            size = run.num_parameters / 1e6 + (place - (len(runs) - 1) / 2) * widest / 100
            panels[0].errorbar([size], [mean], yerr=error, fmt="o", capsize=4, color=colour, label=_short(run.name))
            for other, curve in converging:
                if other is run:
                    panels[1].plot([size], [epochs_to_converge(curve)], "o", color=colour)
        for panel, what in zip(panels, ("test acc@1, %", "epochs to converge"), strict=False):
            panel.set_xlim(0, 1.15 * widest)
            _finish(panel, columns=1, x="parameters of the query encoder, millions", y=what)
        if converging:
            panels[1].yaxis.set_major_locator(MaxNLocator(integer=True))

    says = "; ".join(
        f"{run.name}: {run.num_parameters / 1e6:.2f} million parameters, acc@1 {run.evaluation.summary['acc@1']} %"
        for run in runs
    )
    return _render("size", says, draw, size=(8.2 if converging else 5.2, 3 + _LINE_INCHES * len(runs)))


def map_plot(evaluation: Evaluation) -> Plot:
    """Photos and sketches on the two main axes of the joint space, each sketch joined to its photo by a line."""
    photos, sketches, explained = principal_plane(evaluation.photo_embeddings, evaluation.sketch_embeddings)
    own = photos[evaluation.targets]
    groups = (
        (evaluation.query_ranks == 1, _GOOD, "own photo first"),
        ((evaluation.query_ranks > 1) & (evaluation.query_ranks <= 10), _FAIR, "in the first ten"),
        (evaluation.query_ranks > 10, _BAD, "further down"),
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for chosen, colour, label in groups:
            lines = np.stack([sketches[chosen], own[chosen]], axis=1)
            axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=0.7, alpha=0.6))
            axes.scatter(
                sketches[chosen, 0],
                sketches[chosen, 1],
                s=14,
                marker="x",
                color=colour,
                label=f"sketch, {label}",
                linewidths=1,
            )
        axes.scatter(photos[:, 0], photos[:, 1], s=16, color=COLOURS[0], label="photo", zorder=3)
        axes.set_aspect("equal", "datalim")
        _finish(axes, x="first principal axis", y="second principal axis")

    says = (
        f"{len(photos)} photos and {len(sketches)} sketches; the two axes hold {explained:.0f} % of the variance, so "
        "what is far apart here is far apart in the space, but what is near may not be."
    )
    return _render("map", says, draw, size=(5.6, 5.4))


def principal_plane(
    photos: NDArray[np.float32], sketches: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Photos and sketches together on their two main axes (PCA): (N, 2), (Q, 2) and the variance they hold, percent."""
    points = np.concatenate([photos, sketches]).astype(np.float64)
    points -= points.mean(axis=0)
    _, strengths, axes = np.linalg.svd(points, full_matrices=False)
    flat = points @ axes[:2].T
    share = float((strengths[:2] ** 2).sum() / max(float((strengths**2).sum()), 1e-12) * 100)
    return flat[: len(photos)], flat[len(photos) :], share


def _finish(axes: Axes, *, x: str, y: str, columns: int = 2) -> None:
    axes.set(xlabel=x, ylabel=y)
    if axes.get_legend_handles_labels()[0]:
        # Above the axes: it hides no point there, and no place has to be searched for it.
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
        axes.legend(**place, ncols=columns, frameon=False, fontsize="small")


def _short(name: str) -> str:
    """The end of a long name: a legend must leave room for its plot."""
    return name if len(name) <= _LABEL_LENGTH else "…" + name[1 - _LABEL_LENGTH :]


def _render(name: str, says: str, draw: Callable[[Figure], None], *, size: tuple[float, float]) -> Plot:
    pictures = {}
    for ground, (paper, ink, line) in _GROUNDS.items():
        style: dict[str, Any] = {
            "figure.facecolor": paper,
            "axes.facecolor": paper,
            "savefig.facecolor": paper,
            "axes.edgecolor": line,
            "axes.labelcolor": ink,
            "axes.grid": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": line,
            "grid.linewidth": 0.6,
            "text.color": ink,
            "text.parse_math": False,  # a run may be called a$b
            "xtick.color": ink,
            "ytick.color": ink,
        }
        with style_sheet.context(style):
            figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
            draw(figure)
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png")
            pictures[ground] = buffer.getvalue()
    return Plot(name, says, pictures["light"], pictures["dark"])
