"""The names that other libraries give to what our verbs take, and how results of ours are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["MADE_BY", "foreign_hint"]

MADE_BY: Mapping[str, str] = {
    "Advice": "advise(...) gives",
    "Alignment": "align(first, second) makes",
    "Answer": "write(model, picture, prompt) makes",
    "AttentionMap": "capture(model, pair).maps holds",
    "Attributions": "attribute(model, pair, method=[...]) makes",
    "Beams": "search(model, picture, prompt) makes",
    "Embeddings": "embed(model, pairs) makes; wrap vectors from anywhere: Embeddings.from_array(x)",
    "Examples": "fusion.examples(pairs) makes",
    "FusionReport": "compare(data), measured() and open_report(folder) give",
    "How": "greedy(), beam(width) and sample(...) make",
    "Heatmap": "attribute(model, pair) makes",
    "Pair": "pairs[0] gives",
    "Readout": "logit_lens(model, answer) makes",
    "Reliance": "rely(model, answer) makes",
    "Pairs": "data.load(...) and data.from_pictures(...) give",
    "PairRanks": "pair_ranks(queries, candidates) makes",
    "Plan": "fusion.Plan(...) makes",
    "Design": "fusion.Design(...) makes",
    "Proof": "prove() gives",
    "Projection": "project(embeddings) makes",
    "Protocol": "attribution.Protocol(...) makes",
    "Ranking": "classify(model, pairs, labels) makes",
    "Regions": "regions(fusions) gives",
    "Term": "parse_query(text) gives",
    "WordAttention": "word_attention(replay(model, answer), answer) makes",
    "Trace": "capture(model, pair) makes",
}
"""A result's class, and the words that end "expected a Projection, which ..."."""

_OURS: Mapping[str, tuple[str, ...]] = {
    # scikit-learn, umap-learn, openTSNE
    "n_neighbors": ("neighbours", "k"),
    "n_neighbours": ("neighbours", "k"),
    "neighbors": ("neighbours", "k"),
    "random_state": ("seed",),
    "random_seed": ("seed",),
    "rng": ("seed",),
    "n_epochs": ("epochs",),
    "n_iter": ("epochs", "steps"),
    "max_iter": ("epochs", "steps"),
    "iterations": ("epochs", "steps"),
    "init": ("start",),
    "distance": ("metric",),
    "affinity": ("metric",),
    "algorithm": ("method", "reducer"),
    "backend": ("reducer", "engine"),
    "n_jobs": ("workers",),
    "num_workers": ("workers",),
    "num_proc": ("workers",),
    "n_bins": ("bins",),
    "strategy": ("spacing",),
    "X": ("embeddings", "vectors", "queries", "points"),
    "sample_weight": ("weight",),
    # transformers' pipelines and open_clip
    "candidate_labels": ("labels",),
    "class_names": ("labels",),
    "classnames": ("labels",),
    "classes": ("labels",),
    "hypothesis_template": ("templates",),
    "template": ("templates",),
    "prompts": ("templates", "texts"),
    "prompt": ("templates", "query"),
    "image": ("pair", "pairs", "pictures", "picture", "query"),
    "images": ("pairs", "pictures", "pair", "picture"),
    "pictures": ("pairs", "pair", "picture"),
    "dataset": ("pairs", "data"),
    "pair": ("pairs",),
    "pairs": ("pair", "data", "pictures"),
    "inputs": ("pair", "pairs"),
    "text": ("texts", "query", "target", "prompt"),
    "sentences": ("texts",),
    "captions": ("texts",),
    "queries": ("query",),
    "candidates": ("among",),
    "T": ("temperature", "how"),
    "temperature": ("how",),
    "torch_dtype": ("dtype",),
    "precision": ("dtype",),
    "model_name": ("name",),
    "model_name_or_path": ("name",),
    "pretrained_model_name_or_path": ("name",),
    "model_id": ("name",),
    "checkpoint": ("name",),
    "device_map": ("device",),
    "map_location": ("device",),
    "force_image_size": ("image_size",),
    "src_lang": ("language",),
    "batchsize": ("batch_size",),
    "bs": ("batch_size",),
    "output_hidden_states": ("hidden",),
    "layers": ("sites", "layer"),
    "tokens": ("words",),
    # transformers' generate
    "max_length": ("max_new_tokens",),
    "max_tokens": ("max_new_tokens",),
    "num_beams": ("width", "how"),
    "do_sample": ("how",),
    "generation_config": ("how",),
    "top_k": ("how",),
    "top_p": ("how",),
    "streamer": ("on_event",),
    "stopping_criteria": ("should_stop",),
    "instruction": ("prompt",),
    "question": ("prompt",),
    "prefix": ("start",),
    # captum, grad-cam
    "n_steps": ("steps",),
    "n_samples": ("samples",),
    "nsamples": ("samples",),
    "target_layer": ("layer",),
    "target_layers": ("layer",),
    "layer_idx": ("layer",),
    "baseline": ("fill",),
    "baselines": ("fill",),
    "methods": ("method",),
    "targets": ("target",),
    "metrics": ("measures",),
    "internal_batch_size": ("batch_size",),
    "perturbations_per_eval": ("batch_size",),
    # progress
    "callback": ("on_event",),
    "progress": ("on_event",),
    "progress_callback": ("on_event",),
    "lr": ("plan",),
    "learning_rate": ("plan",),
    "epochs": ("plan",),
    "n_seeds": ("seeds",),
}
"""Theirs, and those of ours that may be meant: the first that the verb has."""

_MORE: Mapping[str, str] = {
    "hypothesis_template": "It is a list, each with {} where the label goes: templates=['a photo of a {}.'].",
    "template": "It is a list, each with {} where the label goes: templates=['a photo of a {}.'].",
    "num_beams": "Of write: how=beam(width).",
    "do_sample": "It is a value: how=sample(temperature=0.7, top_p=0.9).",
    "generation_config": "It is a value: how=sample(temperature=0.7), how=beam(4) or how=greedy().",
    "temperature": "It is part of a value: how=sample(temperature=...).",
    "T": "Of write: how=sample(temperature=...).",
    "top_k": "It is part of a value: how=sample(top_k=...).",
    "top_p": "It is part of a value: how=sample(top_p=...).",
    "learning_rate": "It is part of the plan: plan=Plan(learning_rate=...).",
    "epochs": "It is part of the plan: plan=Plan(epochs=...).",
    "target_layers": "It is the number of one block, counted from 0.",
    "target_layer": "It is the number of one block, counted from 0.",
    "baselines": "It is a word: 'mean', 'blur', 'white' or 'black'.",
    "output_hidden_states": "They are kept unless hidden=False.",
}
"""What is to be said beside our name; or alone, where ours is another thing."""

_WITHOUT: Mapping[str, str] = {
    "n_components": "A map has two dimensions: leave it out. For vectors of fewer, use scikit-learn's PCA.",
    "device": "A verb computes where the model is: models.load(name, device='cuda').",
    "dtype": "A verb computes as the model was loaded: models.load(name, dtype='bfloat16').",
    "torch_dtype": "A verb computes as the model was loaded: models.load(name, dtype='bfloat16').",
    "precision": "A verb computes as the model was loaded: models.load(name, dtype='bfloat16').",
    "output_attentions": "Attention of every layer is always kept: leave it out. `sites` chooses layers.",
    "attn_implementation": "Attention is read where torch computes it, whichever way that is: leave it out.",
    "return_dict": "A result is always an object with names: leave it out.",
    "return_tensors": "Results hold NumPy arrays: leave it out.",
    "processor": "A loaded model has its own processor: leave it out.",
    "tokenizer": "A loaded model has its own tokeniser: leave it out.",
    "preprocess": "A loaded model has its own preprocessing: leave it out.",
    "pretrained": "It is part of the name: models.load('open_clip:ARCH/TAG'), or "
    "models.load('open_clip:ARCH/path/to/weights').",
    "cache_dir": "Files of the hub lie where the environment variable HF_HOME says; set it before you load.",
    "revision": "It is part of the name: models.load('hf:ORG/NAME@REVISION').",
    "trust_remote_code": "Code that comes with weights is never run: leave it out.",
    "local_files_only": "What is on this machine is taken from there: leave it out, or set HF_HUB_OFFLINE=1.",
    "token": "The hub's own login is used: run `hf auth login`, or set HF_TOKEN.",
    "use_auth_token": "The hub's own login is used: run `hf auth login`, or set HF_TOKEN.",
    "jit": "Models are run as they are: leave it out.",
    "verbose": "Progress goes to `on_event`, a function of one event; with widgets imported a bar shows it.",
    "show_progress_bar": "Progress goes to `on_event`, a function of one event; with widgets imported a bar "
    "shows it.",
    "normalize": "Vectors of models have length 1: leave it out.",
    "normalize_embeddings": "Vectors of models have length 1: leave it out.",
    "convert_to_numpy": "Results hold NumPy arrays: leave it out.",
    "convert_to_tensor": "Results hold NumPy arrays: torch.from_numpy(result.image.copy()).",
    "top_k": "All are kept, sorted: ask the result, .top(5) or .top(item, 5).",
    "topk": "All are kept, sorted: ask the result, .top(5) or .top(item, 5).",
    "k": "All are kept, sorted: ask the result, .top(5) or .top(item, 5).",
    "multi_label": "rule='sigmoid' gives one yes or no a label.",
    "metric": "Vectors of pictures and texts are compared by their cosine: leave it out.",
    "learning_rate": "There is none to choose: leave it out.",
    "perplexity": "t-SNE has one of 30, or of a third of the points where they are fewer: leave it out.",
    "spread": "It is fixed at 1; `min_dist` says how close points may lie.",
    "early_exaggeration": "It is fixed; `epochs` and `neighbours` can be chosen.",
}
"""Of what a verb has nothing like: what to do instead."""


_FOR: Mapping[str, tuple[str, ...]] = {
    "device": ("embed", "embed_pictures", "embed_texts", "embed_to", "classify", "retrieve", "capture",
               "estimate", "attribute", "project_layers", "faithfulness", "compare", "examples", "place"),
    "k": ("classify", "retrieve"),
    "top_k": ("classify", "retrieve"),
    "topk": ("classify", "retrieve"),
    "metric": ("classify", "retrieve", "embed"),
    "learning_rate": ("project", "project_layers"),
    "spread": ("project", "project_layers"),
    "perplexity": ("project", "project_layers"),
    "early_exaggeration": ("project", "project_layers"),
    "n_components": ("project", "project_layers", "redraw"),
    "multi_label": ("classify", "rescore"),
    "output_attentions": ("capture", "estimate"),
    "attn_implementation": ("capture", "estimate", "attribute"),
}  # fmt: skip
"""The verbs to which some of these can be said; the others can be said to all."""
_LIKE_DEVICE = ("dtype", "torch_dtype", "precision")


def foreign_hint(name: str, option: str, known: Sequence[str]) -> str:
    """What to say to `option` of another library, given to the verb `name` with the options `known`; else "".

    A hint never sends to an option that the verb does not have.
    """
    ours = next((one for one in _OURS.get(option, ()) if one in known), "")
    if ours:
        return f"Did you mean {ours!r}? {_MORE.get(option, '')}".strip()
    verbs = _FOR.get("device" if option in _LIKE_DEVICE else option)
    return _WITHOUT.get(option, "") if verbs is None or name in verbs else ""
