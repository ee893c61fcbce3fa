"""Spatial panels."""
