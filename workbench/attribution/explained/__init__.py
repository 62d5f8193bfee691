"""What is explained: a model with its inputs, made ready, and one scalar that it gives them.

explained        the protocol that every method is written against, and what both kinds share
dual_encoder     a pair in a model of `models.load`: two towers that never meet
image_tower      the tokens of such a model's image tower, and which methods can read it
network          any other model, of transformers, timm or torchvision, with the tensors it takes
network_inputs   those tensors, sorted
output_target    which scalar of its output is explained
output_fields    what the outputs of transformers hold
picture_cells    the cells of its picture
attention_pass   the attention of one pass, and which sequences each layer joins
masking          inputs with patches filled and words left out
"""
