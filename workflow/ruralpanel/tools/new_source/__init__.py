"""A file looked at, and the entry that reads it."""
