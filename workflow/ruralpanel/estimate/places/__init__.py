"""Where units lie: distances, weights, autocorrelation."""
