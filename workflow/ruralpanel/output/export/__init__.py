"""Models to take away: panels and scripts of R, Stata and Python that estimate them again."""
