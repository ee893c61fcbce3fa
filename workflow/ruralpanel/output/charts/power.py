"""What a design could have found: power over the size of the effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruralpanel.output import style
from ruralpanel.output.charts.canvas import NOTE_POINTS, drawing, grid, new_figure, note_width, save
from ruralpanel.output.labels import wrapped
from ruralpanel.output.words import word

WANTED = 0.8


@dataclass(frozen=True)
class PowerLine:
    """Power of one design over effects in multiples of the smallest effect that matters."""

    label: str
    effect: Sequence[float]
    power: Sequence[float]


def draw(
    lines: Sequence[PowerLine],
    paths: Mapping[str, str | Path],
    title: str = "",
    note: str = "",
    language: str = "en",
    most: float = 5.0,
    where: str = "figures",
) -> None:
    """One line per design up to `most` times the smallest effect that matters; that and a power of 80 % are marked."""
    with drawing():
        figure = new_figure(6.5, 3.4 + 0.17 * len(lines) + (0.3 if note else 0))
        axes = figure.add_subplot()
        grid(axes, "both")
        axes.axhline(WANTED, color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.axvline(1.0, color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        for index, line in enumerate(lines):
            colour = style.CATEGORICAL[index % len(style.CATEGORICAL)]
            dashes = "-" if index < len(style.CATEGORICAL) else (0, (3, 1.5))
            effect, power = list(line.effect), list(line.power)
            if effect[-1] < most:
                effect, power = [*effect, most], [*power, 1.0]
            axes.plot(effect, power, color=colour, linewidth=1.6, linestyle=dashes, label=line.label)
        axes.set_xlim(0, most)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(word("effect_in_delta", language))
        axes.set_ylabel(word("power", language))
        axes.set_title(title)
        # the note heads the legend: below the axes both would take the same place
        words = "\n".join(wrapped(note, note_width(figure))) if note else None
        legend = figure.legend(loc="outside lower left", title=words, title_fontsize=NOTE_POINTS, alignment="left")
        legend.get_title().set_color(style.MUTED)
        save(figure, paths, where)
