"""What the house knows of every kind: estimators, inference, tables, figures, maps, adapters."""
