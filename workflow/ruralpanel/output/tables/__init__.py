"""Tables as documents, and their formats."""
