"""Embedding: unit vectors of pictures and texts, remembered by content; a large corpus, in a folder."""

from workbench.embedding.corpus import Corpus, open_corpus
from workbench.embedding.filling import embed_to
from workbench.embedding.opening import open_embeddings
from workbench.embedding.vectors import embed, embed_pictures, embed_texts, forget

__all__ = [
    "Corpus",
    "embed",
    "embed_pictures",
    "embed_texts",
    "embed_to",
    "forget",
    "open_corpus",
    "open_embeddings",
]
