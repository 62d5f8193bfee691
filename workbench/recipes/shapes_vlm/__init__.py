"""The recipe of `shapes-vlm`: a small vision-language model in three states, before and after instructions.

`python -m workbench.recipes.shapes_vlm --help` lists the steps: captions, one, six, forgets, score.
"""
