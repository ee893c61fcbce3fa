"""``python -m ruralpanel``."""

from ruralpanel.project.interrupts import starting

with starting("ruralpanel"):
    from ruralpanel.cli import main

raise SystemExit(main())
