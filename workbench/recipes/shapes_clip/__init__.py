"""The recipe of `shapes-clip`: a small CLIP of drawn scenes, for judging explanations.

`python -m workbench.recipes.shapes_clip --help` lists the steps: train, score.
"""
