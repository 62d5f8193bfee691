"""The embedding atlas: a map of pictures and texts, and how far to trust it."""
