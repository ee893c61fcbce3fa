"""What users declare: settings, kinds, checks and the parameters of jobs. Imports no other storey, and no pandas."""
