"""One module for each format of sources, from files to cells with their places."""
