"""One module for each method of inference, each with the range in which it is valid."""
