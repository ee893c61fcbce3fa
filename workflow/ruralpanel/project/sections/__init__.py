"""The sections of a configuration and their keys, in the long form; what belongs to a kind stands in `project/kinds`.

A class for each part, a line for each key. `project/config_schema.py` makes of them the schema that a configuration is
held against, with the defaults that are filled in, and docs/configuration.md.
"""
