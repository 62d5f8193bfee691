"""Attention, read as torch computes it with the meaning of every token; blocks, stopped and passed over.

One engine for every room above: the probe of `models`, `capture`, `attribution`, maps by layer, and `fusion`
inside real models. What stands here acts in the thread that asked, and in no other.

    recorder        every attention of a pass, with or without its place in the graph
    explicit        scaled-dot-product attention written out: weights, and the output that they give
    output_gate     whether the model gave the same while it was watched
    token_layout    which token is a patch and where, which a word, which neither
    subject         a model with one item's inputs, ready to run
    sequences       the layout of each sequence, from how the model is built and what it was given
    patch_grids     how the patches of each picture lie, as inputs and modules say
    patch_trial     which token holds which part of a picture, tried out where nothing says
    sites           one attention with both its sequences; `site_naming` gives each a name
    rollout         followed through all layers; `head_statistics` what single heads do
    blocks          found, watched, stopped after, passed over
    families        what is peculiar to families of models, as data
    folding         attention of any number of axes as item x head x query x key
    draws           random numbers of one pass, given again in the next
"""
