"""Whether a map is true: faithfulness, pointing games where the answer is known, ablation by hand.

faithfulness         deletion, insertion, pointing, overlap, randomisation, each beside random maps
faithfulness_result  what that gives: curves and measures
reference_curves     the masked pictures that every map on a pair is held against, encoded once
masks                where the right answer is, in the model's view of the picture
pointing_game        whether a map's best patch lies on what the text names, on drawn scenes
word_pointing_game   the same for the cosines of words and patches
ablation             a pair's score without some patches or words
"""
