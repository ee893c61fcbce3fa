"""Maps of the report."""
