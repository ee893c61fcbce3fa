"""Instrumental variables and all that belongs to them."""
