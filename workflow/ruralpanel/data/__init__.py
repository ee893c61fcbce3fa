"""From published files to panels, with the way back to each cell. Imports project."""
