"""Critical values of the truncated CIPS statistic: Pesaran (2007), tables II(b) and II(c), pp. 280 and 281.

Read from the copy in the R package plm (`cipstest`, truncated). The tabulated number of periods counts the first one,
of which the regressions have only the lag: so simulated values agree with the table; a test simulates one anew.
"""

from __future__ import annotations

import numpy as np

SIZES = (10, 15, 20, 30, 50, 70, 100, 200)
"""Numbers of units and of periods that are tabulated."""

LEAST = SIZES[0]

LEVELS = ("1%", "5%", "10%")

# a block per level; in it one row per number of periods, one column per number of units; minus signs left out
_TABLES = {
    "intercept": (
        """
        2.85 2.66 2.56 2.44 2.36 2.32 2.29 2.25
        2.66 2.52 2.45 2.34 2.26 2.23 2.19 2.16
        2.60 2.47 2.40 2.32 2.25 2.20 2.18 2.14
        2.57 2.45 2.38 2.30 2.23 2.19 2.17 2.14
        2.55 2.44 2.36 2.30 2.23 2.20 2.17 2.14
        2.54 2.43 2.36 2.30 2.23 2.20 2.17 2.14
        2.53 2.42 2.36 2.30 2.23 2.20 2.18 2.15
        2.53 2.43 2.36 2.30 2.23 2.21 2.18 2.15
        """,
        """
        2.47 2.35 2.29 2.22 2.16 2.13 2.11 2.08
        2.37 2.28 2.22 2.17 2.11 2.09 2.07 2.04
        2.34 2.26 2.21 2.15 2.11 2.08 2.07 2.04
        2.33 2.25 2.20 2.15 2.11 2.08 2.07 2.05
        2.33 2.25 2.20 2.16 2.11 2.10 2.08 2.06
        2.33 2.25 2.20 2.15 2.12 2.10 2.08 2.06
        2.32 2.25 2.20 2.16 2.12 2.10 2.08 2.07
        2.32 2.25 2.20 2.16 2.12 2.10 2.08 2.07
        """,
        """
        2.28 2.20 2.15 2.10 2.05 2.03 2.01 1.99
        2.22 2.16 2.11 2.07 2.03 2.01 2.00 1.98
        2.21 2.14 2.10 2.07 2.03 2.01 2.00 1.99
        2.21 2.14 2.11 2.07 2.04 2.02 2.01 2.00
        2.21 2.14 2.11 2.08 2.05 2.03 2.02 2.01
        2.21 2.15 2.11 2.08 2.05 2.03 2.02 2.01
        2.21 2.15 2.11 2.08 2.05 2.03 2.03 2.02
        2.21 2.15 2.11 2.08 2.05 2.04 2.03 2.02
        """,
    ),
    "trend": (
        """
        3.51 3.31 3.20 3.10 3.00 2.96 2.93 2.88
        3.21 3.07 2.98 2.88 2.80 2.76 2.74 2.70
        3.15 3.01 2.92 2.83 2.76 2.72 2.70 2.65
        3.10 2.96 2.88 2.81 2.73 2.69 2.66 2.63
        3.06 2.93 2.85 2.78 2.72 2.68 2.65 2.62
        3.04 2.93 2.85 2.78 2.71 2.68 2.65 2.62
        3.03 2.92 2.85 2.77 2.71 2.68 2.65 2.62
        3.03 2.91 2.85 2.77 2.71 2.67 2.65 2.62
        """,
        """
        3.10 2.97 2.89 2.82 2.75 2.73 2.70 2.67
        2.92 2.82 2.76 2.69 2.64 2.62 2.59 2.57
        2.88 2.78 2.73 2.67 2.62 2.59 2.57 2.55
        2.86 2.76 2.72 2.66 2.61 2.58 2.56 2.54
        2.84 2.76 2.71 2.65 2.60 2.58 2.56 2.54
        2.83 2.76 2.70 2.65 2.61 2.58 2.57 2.54
        2.83 2.75 2.70 2.65 2.61 2.59 2.56 2.55
        2.83 2.75 2.70 2.65 2.61 2.59 2.57 2.55
        """,
        """
        2.87 2.78 2.73 2.67 2.63 2.60 2.58 2.56
        2.76 2.68 2.64 2.59 2.55 2.53 2.51 2.50
        2.74 2.67 2.63 2.58 2.54 2.53 2.51 2.49
        2.73 2.66 2.63 2.58 2.54 2.52 2.51 2.49
        2.73 2.66 2.63 2.58 2.55 2.53 2.51 2.50
        2.72 2.66 2.62 2.58 2.55 2.53 2.52 2.50
        2.72 2.66 2.63 2.59 2.55 2.53 2.52 2.50
        2.73 2.66 2.63 2.59 2.55 2.54 2.52 2.51
        """,
    ),
}


def critical_values(units: int, periods: int, case: str = "intercept") -> dict[str, float]:
    """Values that the statistic must be below, by level; interpolated between the tabulated sizes, the last beyond.

    Parameters
    ----------
    periods : in each unit's regression, and one more for the first lag. case : ``intercept`` or ``trend``.
    """
    found = {}
    for level, block in zip(LEVELS, _TABLES[case], strict=True):
        table = -np.array([[float(word) for word in line.split()] for line in block.strip().splitlines()])
        by_periods = [float(np.interp(units, SIZES, row)) for row in table]
        found[level] = round(float(np.interp(periods, SIZES, by_periods)), 4)
    return found
