"""Charts: pictures of numbers that are no maps, declared under ``figures``."""
