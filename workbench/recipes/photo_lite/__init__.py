"""The recipe of `photo-lite`: a head between EfficientNet-Lite0 and MiniLM, for photographs offline.

`python -m workbench.recipes.photo_lite --help` lists the steps: fetch, train, calibrate, score.
"""
