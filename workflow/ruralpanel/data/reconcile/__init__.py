"""Plausibility of figures: totals, identities, jumps, repeats."""
