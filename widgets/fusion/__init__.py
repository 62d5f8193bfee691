"""The fusion board: ways to join picture and text, drawn, trained, compared and opened."""
