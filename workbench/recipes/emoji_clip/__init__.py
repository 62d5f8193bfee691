"""The recipe of `emoji-clip`: a small CLIP on emoji drawings and their English and Chinese names.

`python -m workbench.recipes.emoji_clip --help` lists the steps: fetch, train, score.
"""
