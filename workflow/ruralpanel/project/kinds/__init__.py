"""What the house knows of every kind: a table each of estimators, inference, tables, figures, maps and adapters.

`facts` has the questions, one class for each table; `options` how keys are declared. Whoever asks what a kind is, asks
its entry: outside these tables and a kind's own folder no kind is known by its name. No numpy, no pandas.
"""
