"""The zero-shot board: pictures sorted by words as they are typed."""
