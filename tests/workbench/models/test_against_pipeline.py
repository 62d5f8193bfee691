"""`classify` against transformers' own zero-shot pipeline and open_clip's own classifier, on the same weights."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import transformers as hf

from workbench import data, models
from workbench.zeroshot import classify

LABELS = ["cat", "two dogs", "a very long name of a thing"]
TEMPLATE = "this is a photo of {}."


@pytest.mark.parametrize("family", ["clip", "siglip", "siglip2_fixed", "chinese_clip", "altclip", "align"])
def test_probabilities_equal_the_pipelines(hf_folder, pictures, family: str) -> None:
    folder = hf_folder(family)
    tokeniser = hf.AutoTokenizer.from_pretrained(folder)
    if family == "siglip2_fixed":
        # As in the tokeniser of the published checkpoints; the plain Gemma class also makes a mask.
        tokeniser.model_input_names = ["input_ids"]
    # The pipeline picks its image processor by name; it is given the one that the folder holds.
    pipeline = hf.pipeline(
        "zero-shot-image-classification",
        model=hf.AutoModel.from_pretrained(folder),
        tokenizer=tokeniser,
        image_processor=hf.AutoImageProcessor.from_pretrained(folder),
    )
    model = models.load(str(folder))
    ranking = classify(model, data.from_pictures(pictures), LABELS, templates=[TEMPLATE])
    assert ranking.rule == ("sigmoid" if family.startswith("siglip") else "softmax")
    for row, picture in enumerate(pictures):
        found = pipeline(picture, candidate_labels=LABELS, hypothesis_template=TEMPLATE)
        expected = {answer["label"]: answer["score"] for answer in found}
        np.testing.assert_allclose(
            ranking.probability[row], [expected[label] for label in LABELS], rtol=1e-4, atol=1e-6
        )
        assert ranking.top(row, 1)[0][0] == found[0]["label"]


def test_scores_equal_open_clips_classifier(clip_folder, pictures) -> None:
    folder = clip_folder()
    library, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    library.eval()
    templates = ["{}", "a photo of a {}.", "a drawing of the {}"]
    weights = open_clip.build_zero_shot_classifier(
        library,
        open_clip.get_tokenizer(f"local-dir:{folder}"),
        LABELS,
        [lambda label, form=form: form.replace("{}", label) for form in templates],
    )
    import torch

    with torch.no_grad():
        image = library.encode_image(
            torch.stack([preprocess(picture) for picture in pictures]), normalize=True
        )
    ranking = classify(models.load(str(folder)), data.from_pictures(pictures), LABELS, templates=templates)
    np.testing.assert_allclose(ranking.cosine, (image @ weights).numpy(), atol=1e-6)
