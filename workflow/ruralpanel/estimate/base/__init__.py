"""What all estimators share: designs, fixed effects, results."""
