"""Seemingly unrelated regressions."""
