"""Embedding: unit vectors of pictures and texts, remembered by content; a large corpus, in a folder."""

from workbench.embedding.corpus import Corpus, open_corpus
from workbench.embedding.embed_pairs import embed, embed_pictures, embed_texts, forget
from workbench.embedding.fill_corpus import embed_to
from workbench.embedding.saved_embeddings import open_embeddings
from workbench.results import Embeddings

__all__ = [
    "Corpus",
    "Embeddings",
    "embed",
    "embed_pictures",
    "embed_texts",
    "embed_to",
    "forget",
    "open_corpus",
    "open_embeddings",
]
