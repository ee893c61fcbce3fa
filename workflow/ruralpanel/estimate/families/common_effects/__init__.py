"""Panels with common factors."""
