"""Teaching rooms: exercises whose answers are worked out from the package, never typed in."""
