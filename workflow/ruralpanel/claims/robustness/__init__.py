"""What the numbers of claims stand on: specification curves, families, units left out, sensitivity."""
