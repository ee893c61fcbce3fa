"""What users type beside snakemake: trace, describe, new-source, new-units, compare, fetch."""
