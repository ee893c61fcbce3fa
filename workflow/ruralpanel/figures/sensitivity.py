"""What an omitted variable would do: contours of the adjusted estimate, with observed covariates as yardsticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ruralpanel import style
from ruralpanel.figures.canvas import drawing, foot_note, new_figure, save
from ruralpanel.formats import format_auto
from ruralpanel.wording import word

_CLEAR = {"boxstyle": "square,pad=0.1", "facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.85}


@dataclass(frozen=True)
class Benchmark:
    """An omitted variable as strong as an observed one, by its partial R² with lever and outcome."""

    label: str
    r2_lever: float
    r2_outcome: float
    estimate: float


@dataclass(frozen=True)
class Contours:
    """Adjusted estimates (p, p): rows the partial R² (p,) with the lever, columns that with the outcome."""

    r2: Sequence[float]
    estimates: Sequence[Sequence[float]]
    estimate: float
    benchmarks: Sequence[Benchmark] = ()


def draw(
    data: Contours,
    paths: Mapping[str, str | Path],
    title: str = "",
    note: str = "",
    language: str = "en",
    where: str = "figures",
    font: str | Path | None = None,
) -> None:
    """Lines of equal adjusted estimates, the one of zero thick; points for variables as strong as observed ones."""
    r2 = np.asarray(data.r2, dtype=float)
    values = np.asarray(data.estimates, dtype=float).T
    with drawing(font):
        figure = new_figure(5.6, 4.6 + (0.3 if note else 0))
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        levels = sorted(_levels(values, data.estimate))
        lines = axes.contour(r2, r2, values, levels=levels, colors=style.MUTED, linewidths=0.7, linestyles="solid")
        axes.clabel(
            lines, [level for level in lines.levels if level != 0], fmt=lambda value: format_auto(value, 2), fontsize=7
        )
        if values.min() < 0 < values.max():
            axes.contour(r2, r2, values, levels=[0.0], colors=style.CATEGORICAL[1], linewidths=1.6)
        axes.plot([0], [0], "o", color=style.INK, clip_on=False, zorder=4)
        axes.annotate(
            f"{word('estimate', language)}: {format_auto(data.estimate)}", (0, 0), xytext=(6, 26),
            textcoords="offset points", fontsize=7.5, bbox=_CLEAR,
        )  # fmt: skip
        for point in data.benchmarks:
            if point.r2_lever > r2[-1] or point.r2_outcome > r2[-1]:
                continue
            left = point.r2_lever < 0.5 * r2[-1]
            axes.plot([point.r2_lever], [point.r2_outcome], "D", color=style.CATEGORICAL[0], markersize=4.5, zorder=4)
            axes.annotate(
                f"{point.label}: {format_auto(point.estimate)}", (point.r2_lever, point.r2_outcome),
                xytext=(5 if left else -5, 6), ha="left" if left else "right", textcoords="offset points",
                fontsize=7.5, color=style.CATEGORICAL[0], bbox=_CLEAR,
            )  # fmt: skip
        axes.set_xlabel(word("r2_with_lever", language))
        axes.set_ylabel(word("r2_with_outcome", language))
        axes.set_title(title)
        if note:
            foot_note(figure, note)
        save(figure, paths, where, font)


def _levels(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], estimate: float) -> list[float]:
    """Parts of the estimate (three quarters, a half, …, zero, minus a half) that the grid reaches."""
    wanted = [share * estimate for share in (0.75, 0.5, 0.25, 0.0, -0.5, -1.0, -2.0, -4.0)]
    inside = [level for level in wanted if values.min() < level < values.max()]
    return inside or [float(np.mean(values))]
