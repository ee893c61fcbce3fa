"""Results and words to tables, figures, maps and the report. Imports all storeys below."""
