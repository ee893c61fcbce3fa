"""Results and words to tables, charts, maps and the report. Imports all storeys below."""
