"""What captions say of a scene, how much of it is true, and what the field scores them by.

truth             a caption held against the drawn scene it is of
caption_grammar   how a caption is read: the language of the scenes, backwards
caption_scores    BLEU, CIDEr-D, CLIPScore and exact truth, each beside chance
"""
