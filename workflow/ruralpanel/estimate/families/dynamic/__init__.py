"""Panels with lagged outcomes."""
