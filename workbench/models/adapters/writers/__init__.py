"""The generative models of transformers as `Writer`s: decoders that read pictures among their words,
encoder-decoders, GIT and BLIP.

Generated once, replayed once: no hook lives inside a generation loop. Anything that is read of a written word
is read from the one pass of `Writer.force`.
"""

from workbench.models.adapters.writers.writer import TransformersWriter

__all__ = ["TransformersWriter"]
