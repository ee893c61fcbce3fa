"""Provincial panels: what users declare, figures read, models estimated, claims held against them, results shown."""
