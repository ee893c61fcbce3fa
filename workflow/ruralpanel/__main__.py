"""``python -m ruralpanel``."""

from ruralpanel.cli import main

raise SystemExit(main())
