"""One adapter a library: how its models preprocess, tokenise, embed and score."""
