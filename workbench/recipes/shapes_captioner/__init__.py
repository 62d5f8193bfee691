"""The recipe of `shapes-captioner`: it writes what a drawn scene holds, in English or Chinese.

`python -m workbench.recipes.shapes_captioner --help` lists the steps: train, score.
"""
