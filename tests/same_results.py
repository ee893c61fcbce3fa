"""`python tests/same_results.py KEPT NEW`: what differs between two folders of results."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.tools.same_results import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
