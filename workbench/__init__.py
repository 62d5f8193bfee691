"""Compute for looking into image-text models: load, embed, classify.

Verbs take a model and pairs and return frozen results holding NumPy arrays::

    from workbench import data, models
    from workbench.zeroshot import classify

    model = models.load("emoji-clip")
    ranking = classify(model, data.load("emoji")[:12], ["a cat", "a pizza"])

Nothing here imports a user interface; the package `widgets` draws these results.
Importing `workbench` itself is cheap: torch is loaded by the first verb that needs it.
"""

__version__ = "0.2.0"
