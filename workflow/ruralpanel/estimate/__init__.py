"""Arrays in, frozen results out: estimators, inference and tests. Imports project and data."""
