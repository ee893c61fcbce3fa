"""Claims held against estimates: numbers, benchmarks, verdicts, the scorecard. Imports project, data and estimate."""
