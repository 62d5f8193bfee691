"""The attribution board: maps of one number side by side, each with what it is worth."""
