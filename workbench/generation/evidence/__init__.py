"""What each written word rests on, read from one pass over the answer.

replaying        attention at the rows that produce the answer, behind a gate
word_attention   the same drawn small: a map of the picture and shares of the parts, by layer and word
relying          what each word loses when the picture, the instruction or the words before are exchanged
exchanging       what is put in their place
logit_lens       the words after each layer
explain_word     one word, by any method of `workbench.attribution`
"""
