"""One archive with everything that results rest on, and the check that they come out of it again."""
