"""The fusions themselves: early, mid, late, hybrid, and one slider between them."""
