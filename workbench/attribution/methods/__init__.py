"""The methods: one function and one row of the registry each, for everything that can be explained.

registry                every method by name: its card and its function; `register_method` adds another
attention_maps          raw attention, rollout, relevance
relevance_propagation   what each token holds of each source, layer by layer
legrad, grad_eclip      gradients of attention in the image tower of a dual encoder
class_activation        Grad-CAM and its kin
integrated_gradients    of pixels and embeddings, or of one layer
perturbation            occlusion, KernelSHAP
interactions            second order: words with patches
baselines               what a map that knows nothing looks like
"""
