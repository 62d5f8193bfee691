"""UMAP: the fuzzy graph of neighbours, where it starts, and its layout in torch."""
