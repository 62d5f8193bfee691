"""Whatever a model answers, the number that is explained is one of its own, named as what it is; or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf
from torch import Tensor, nn

from tests.families import EYE, SMALL, WORDS, ids, pixels
from workbench.attribution import attribute, output
from workbench.attribution.explained.output_fields import ANSWERS, answer_for
from workbench.attribution.targets import Output
from workbench.errors import BadInputError, UnsupportedError

LABELS = {"id2label": {0: "cat", 1: "dog", 2: "bird"}}
SEEN = {**WORDS, **SMALL, "max_position_embeddings": 20}
DETR = {
    "use_timm_backbone": False, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "num_queries": 6,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
    "backbone_config": tf.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"]
    ),
}  # fmt: skip
BART = {
    "vocab_size": 100, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, "max_position_embeddings": 64,
}  # fmt: skip
SAM = {
    "vision_config": {"hidden_size": 32, "output_channels": 16, "num_hidden_layers": 1, "mlp_dim": 32,
                      "num_attention_heads": 4, "image_size": 32, "patch_size": 8, "window_size": 2,
                      "global_attn_indexes": [0], "num_pos_feats": 8},
    "prompt_encoder_config": {"hidden_size": 16, "image_size": 32, "patch_size": 8,
                              "mask_input_channels": 4},
    "mask_decoder_config": {"hidden_size": 16, "mlp_dim": 32, "num_hidden_layers": 1,
                            "num_attention_heads": 2, "iou_head_hidden_dim": 16},
}  # fmt: skip


def _blip() -> nn.Module:
    text = {**WORDS, "encoder_hidden_size": 32, "sep_token_id": 2, **SMALL}
    return tf.BlipForQuestionAnswering(tf.BlipConfig(text_config=text, vision_config=EYE))


def _clipseg() -> nn.Module:
    config = tf.CLIPSegConfig(
        text_config=SEEN, vision_config=EYE, projection_dim=16, reduce_dim=16, extract_layers=[0, 1],
        decoder_num_attention_heads=2, decoder_intermediate_size=32,
    )  # fmt: skip
    return tf.CLIPSegForImageSegmentation(config)


def _owl() -> nn.Module:
    return tf.OwlViTForObjectDetection(
        tf.OwlViTConfig(text_config=SEEN, vision_config=EYE, projection_dim=32)
    )


def _captioner() -> nn.Module:
    says = tf.GPT2Config(
        vocab_size=100, n_embd=32, n_layer=2, n_head=4, add_cross_attention=True, is_decoder=True,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    config = tf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(tf.ViTConfig(**EYE), says)
    return tf.VisionEncoderDecoderModel(config)


def _t5() -> nn.Module:
    return tf.T5ForConditionalGeneration(
        tf.T5Config(vocab_size=100, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    )


def bert(kind: str, **more: Any) -> Callable[[], nn.Module]:
    return lambda: getattr(tf, f"Bert{kind}")(tf.BertConfig(**WORDS, **SMALL, **more))


def _written(*tokens: int) -> dict[str, Tensor]:
    return {"decoder_input_ids": torch.tensor([tokens])}


def _log(scores: Tensor, token: int | None = None) -> float:
    told = scores.log_softmax(dim=-1)
    return float(told.max() if token is None else told[token])


@dataclass(frozen=True)
class Row:
    """A model with inputs and target: the name that is expected, and the number by plain indexing."""

    make: Callable[[], nn.Module]
    inputs: dict[str, Tensor]
    named: str
    number: Callable[[Any, nn.Module], float]
    target: Any = None


ASKED = ids() | pixels()
ROWS: dict[str, Row] = {
    "owl-vit": Row(_owl, ASKED, r"logit of text 0 at patch \d+$", lambda o, _: float(o.logits.max())),
    "owl-vit, a patch": Row(
        _owl, ASKED, "logit of text 0 at patch 5$", lambda o, _: float(o.logits[0, 5, 0]), output(place=5)
    ),
    "clipseg, a pixel": Row(
        _clipseg, ASKED, "logit at row 3, column 9$", lambda o, _: float(o.logits.reshape(32, 32)[3, 9]),
        output(place=(3, 9)),
    ),
    "detr, the surest box": Row(
        lambda: tf.DetrForObjectDetection(tf.DetrConfig(**DETR, **LABELS)), pixels(64, 64),
        r"logit of class \d “(cat|dog|bird)” at object query \d$", lambda o, _: _surest(o.logits[0]),
    ),
    "detr, a box": Row(
        lambda: tf.DetrForObjectDetection(tf.DetrConfig(**DETR, **LABELS)), pixels(64, 64),
        "logit of class 1 “dog” at object query 4$", lambda o, _: float(o.logits[0, 4, 1]),
        output("dog", place=4),
    ),
    "segformer, a pixel": Row(
        lambda: tf.SegformerForSemanticSegmentation(tf.SegformerConfig(
            num_encoder_blocks=2, depths=[1, 1], sr_ratios=[1, 1], hidden_sizes=[16, 32],
            num_attention_heads=[2, 4], patch_sizes=[7, 3], strides=[4, 2], mlp_ratios=[2, 2],
            decoder_hidden_size=16, **LABELS)),
        pixels(), "logit of class 2 “bird” at row 1, column 6$", lambda o, _: float(o.logits[0, 2, 1, 6]),
        output("bird", place=(1, 6)),
    ),
    "sam, a field by name": Row(
        lambda: tf.SamModel(tf.SamConfig(**SAM)),
        pixels() | {"input_points": torch.tensor([[[[8.0, 8.0]]]])}, "iou_scores at 0, 1$",
        lambda o, _: float(o.iou_scores[0, 0, 1]), output(name="iou_scores", place=(0, 1)),
    ),
    "token classes": Row(
        bert("ForTokenClassification", **LABELS), ids(), "logit of class 1 “dog” at place 2$",
        lambda o, _: float(o.logits[0, 2, 1]), output("dog", place=2),
    ),
    "a span": Row(
        bert("ForQuestionAnswering"), ids(7, padding=2),
        r"start logit at place \d plus end logit at place \d$", lambda o, _: _best_span(o, 5),
    ),
    "a start": Row(
        bert("ForQuestionAnswering"), ids(), "start logit at place 3$",
        lambda o, _: float(o.start_logits[0, 3]), output(name="start_logits", place=3),
    ),
    "multiple choice": Row(
        bert("ForMultipleChoice"),
        {name: torch.stack([value, value.flip(1), value], dim=1) for name, value in ids().items()},
        "logit of choice 1$", lambda o, _: float(o.logits[0, 1]), output(1),
    ),
    "two sentences": Row(
        bert("ForPreTraining"), ids(), "logit of class 1$", lambda o, _: float(o.seq_relationship_logits[0, 1]),
        output(1, name="seq_relationship_logits"),
    ),
    "a masked word": Row(
        bert("ForPreTraining"), ids(), "log probability of token 9 at place 3$",
        lambda o, _: _log(o.prediction_logits[0, 3], 9), output(9, place=3, name="prediction_logits"),
    ),
    "electra": Row(
        lambda: tf.ElectraForPreTraining(tf.ElectraConfig(**WORDS, **SMALL, embedding_size=32)), ids(),
        "logit at place 4$", lambda o, _: float(o.logits[0, 4]), output(place=4),
    ),
    "regression": Row(
        bert("ForSequenceClassification", num_labels=1), ids(), "the model's only output$",
        lambda o, _: float(o.logits[0, 0]),
    ),
    "t5, fewer words than tokens": Row(
        _t5, ids(4) | _written(0, 5, 6, 7, 8, 9), r"log probability of token \d+ after place 5$",
        lambda o, _: _log(o.logits[0, 5]),
    ),
    "t5, more words than tokens": Row(
        _t5, ids(7) | _written(0, 5), r"after place 1$", lambda o, _: _log(o.logits[0, 1])
    ),
    "bart, padding behind": Row(
        lambda: tf.BartForConditionalGeneration(tf.BartConfig(**BART)), ids() | _written(2, 5, 6, 0, 0),
        "after place 2$", lambda o, _: _log(o.logits[0, 2]),
    ),
    "bart, a mask": Row(
        lambda: tf.BartForConditionalGeneration(tf.BartConfig(**BART)),
        ids() | _written(2, 5, 6, 7) | {"decoder_attention_mask": torch.tensor([[1, 1, 0, 0]])},
        "after place 1$", lambda o, _: _log(o.logits[0, 1]),
    ),
    "a captioner": Row(
        _captioner, pixels() | _written(1, 5, 6), "after place 2$", lambda o, _: _log(o.logits[0, 2])
    ),
    "the last places only": Row(
        lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**WORDS, **SMALL)), ids() | {"logits_to_keep": 2},
        "after place 6$", lambda o, _: _log(o.logits[0, -1]),
    ),
    "git, the picture in front": Row(
        lambda: tf.GitForCausalLM(tf.GitConfig(vision_config=EYE, **WORDS, **SMALL)), ASKED,
        "after place 23$", lambda o, _: _log(o.logits[0, 23]),
    ),
    "clip": Row(
        lambda: tf.CLIPModel(tf.CLIPConfig(text_config=SEEN, vision_config=EYE)), ASKED,
        "logit of the picture with its text$", lambda o, _: float(o.logits_per_image[0, 0]),
    ),
    "clip's picture": Row(
        lambda: tf.CLIPVisionModelWithProjection(tf.CLIPVisionConfig(**EYE, projection_dim=8)), pixels(),
        "length of image_embeds$", lambda o, _: float(o.image_embeds.norm()),
    ),
}  # fmt: skip


def _surest(logits: Tensor) -> float:
    shares = logits.softmax(dim=-1)[:, :-1]  # without "no object"
    query, label = divmod(int(shares.argmax()), shares.shape[1])
    return float(logits[query, label])


def _best_span(out: Any, real: int) -> float:
    both = out.start_logits[0, :real, None] + out.end_logits[0, None, :real]
    return max(float(both[first, last]) for first in range(real) for last in range(first, real))


def awake(model: nn.Module) -> nn.Module:
    """Random models begin with zero biases and tiny heads; here every part matters."""
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return model.eval()


@pytest.mark.parametrize("name", ROWS)
def test_the_number_is_the_models_own_and_named_as_what_it_is(name: str) -> None:
    row = ROWS[name]
    torch.manual_seed(3)
    model = awake(row.make())
    found = attribute(model, row.inputs, method="occlusion", target=row.target)
    with torch.no_grad():
        given = model(**row.inputs)
    assert found.score == pytest.approx(row.number(given, model), abs=2e-5)
    from re import search

    assert search(row.named, str(found.target)), str(found.target)


def test_a_question_about_a_picture_is_answered_by_the_decoder_and_not_by_a_state_of_the_picture() -> None:
    """BLIP: by hand through its three parts; the loss it computes itself from labels is the same number."""
    torch.manual_seed(3)
    model = awake(_blip())
    given = ASKED | _written(1, 5, 6)
    found = attribute(model, given, method="occlusion", target=output(9, place=1))
    with torch.no_grad():
        seen = model.vision_model(pixel_values=given["pixel_values"]).last_hidden_state
        read = model.text_encoder(
            input_ids=given["input_ids"], attention_mask=given["attention_mask"], encoder_hidden_states=seen
        )[0]
        told = model.text_decoder(
            input_ids=given["decoder_input_ids"], encoder_hidden_states=read,
            encoder_attention_mask=given["attention_mask"],
        ).logits  # fmt: skip
    assert found.score == pytest.approx(_log(told[0, 1], 9), abs=1e-5)
    assert str(found.target) == "log probability of token 9 after place 1"
    assert found.image is not None and np.abs(found.image).max() > 0
    assert found.text is not None and len(found.text) == 7
    with pytest.raises(BadInputError, match=r"decoder_input_ids"):
        attribute(model, ASKED, method="occlusion")


REFUSED: dict[str, tuple[Callable[[], nn.Module], dict[str, Tensor], Any, str]] = {
    "a mask": (_clipseg, ASKED, None, r"'logits' of 32 rows x 32 columns .*target=output\(place=\(16, 16\)\)"),
    "a pixel outside": (_clipseg, ASKED, output(place=(40, 0)), r"rows of 'logits' are 0 to 31"),
    "token classes": (bert("ForTokenClassification"), ids(), None, r"7 places x 2 classes .*output\(place=3\)"),
    "several questions": (bert("ForPreTraining"), ids(), None, r"several questions .*name='prediction_logits'"),
    "a span's place": (bert("ForQuestionAnswering"), ids(), output(place=3), r"name='start_logits', place=3"),
    "a class of a vector": (bert("Model"), ids(), 3, r"has no head, so it gives no class"),
    "autoencoder": (
        lambda: tf.ViTMAEForPreTraining(tf.ViTMAEConfig(
            **EYE, mask_ratio=0.0, decoder_hidden_size=32, decoder_num_hidden_layers=1,
            decoder_num_attention_heads=4, decoder_intermediate_size=32)),
        pixels(), output(7), r"16 patches x 192 values and no one number",
    ),
    "sam": (
        lambda: tf.SamModel(tf.SamConfig(**SAM)),
        pixels() | {"input_points": torch.tensor([[[[8.0, 8.0]]]])}, None,
        r"no score of a class.*output\(name='iou_scores', place=\(0, 1\)\)",
    ),
    "two texts": (_t5, {"input_ids": torch.ones(1, 2, 4, dtype=torch.long)}, None, r"expected one text"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_many_numbers_are_none_and_the_message_says_how_one_is_named(name: str) -> None:
    make, inputs, target, said = REFUSED[name]
    torch.manual_seed(3)
    with pytest.raises((BadInputError, UnsupportedError), match=said):
        attribute(awake(make()), inputs, method="occlusion", target=target)


def test_the_mask_among_the_words_is_the_place_of_a_masked_model() -> None:
    model = awake(bert("ForMaskedLM")())
    words = ["[CLS]", "a", "b", "[MASK]", "c", "d", "[SEP]"]
    found = attribute(model, ids(), method="occlusion", words=words)
    with torch.no_grad():
        assert found.score == pytest.approx(_log(model(**ids()).logits[0, 3]), abs=1e-5)
    assert "at place 3" in str(found.target)


def test_the_words_of_a_contrastive_model_change_the_number_of_their_own_text() -> None:
    """Of several masked texts each meets its own picture: the diagonal of picture x text."""
    model = awake(ROWS["clip"].make())
    found = attribute(model, ASKED, method="occlusion")
    mask = ASKED["attention_mask"].clone()
    mask[0, 2] = 0
    with torch.no_grad():
        lost = (
            model(**ASKED).logits_per_image[0, 0]
            - model(**{**ASKED, "attention_mask": mask}).logits_per_image
        )
    assert found.text[2] == pytest.approx(float(lost), abs=1e-5) and abs(found.text[2]) > 1e-4


def test_every_row_of_the_table_is_the_first_for_an_output_of_transformers() -> None:
    """No row is hidden by one before it: each is reached by the class of an output that it was written for."""
    from importlib import import_module

    kinds = {
        "electra.modeling_electra.ElectraForPreTrainingOutput", "vit_mae.modeling_vit_mae.ViTMAEForPreTrainingOutput",
        "bert.modeling_bert.BertForPreTrainingOutput", "tapas.modeling_tapas.TableQuestionAnsweringOutput",
        "lxmert.modeling_lxmert.LxmertForQuestionAnsweringOutput", "luke.modeling_luke.LukeQuestionAnsweringModelOutput",
        "luke.modeling_luke.LukeTokenClassifierOutput", "luke.modeling_luke.LukeMultipleChoiceModelOutput",
        "deit.modeling_deit.DeiTForImageClassificationWithTeacherOutput", "owlvit.modeling_owlvit.OwlViTObjectDetectionOutput",
        "grounding_dino.modeling_grounding_dino.GroundingDinoObjectDetectionOutput",
        "omdet_turbo.modeling_omdet_turbo.OmDetTurboObjectDetectionOutput", "detr.modeling_detr.DetrSegmentationOutput",
        "mask2former.modeling_mask2former.Mask2FormerForUniversalSegmentationOutput",
        "clipseg.modeling_clipseg.CLIPSegImageSegmentationOutput", "depth_pro.modeling_depth_pro.DepthProDepthEstimatorOutput",
        "blip_2.modeling_blip_2.Blip2ImageTextMatchingModelOutput", "blip.modeling_blip.BlipImageTextMatchingModelOutput",
        "luke.modeling_luke.LukeMaskedLMOutput", "gpt2.modeling_gpt2.GPT2DoubleHeadsModelOutput",
        "blip.modeling_blip.BlipForConditionalGenerationModelOutput",
    }  # fmt: skip
    reached = {tf.modeling_outputs.SemanticSegmenterOutput: "", tf.modeling_outputs.CausalLMOutput: ""}
    for kind in kinds:
        module, name = kind.rsplit(".", 1)
        reached[getattr(import_module(f"transformers.models.{module}"), name)] = name
    fields = {field for answer in ANSWERS for field in answer.scores}
    found = set()
    for kind in reached:
        held = {name: torch.zeros(1, 2) for name in kind.__dataclass_fields__ if name in fields}
        answer = answer_for(kind(**held), vocabulary=None, length=0)
        assert answer is not None, kind
        found.add(ANSWERS.index(answer))
    assert found == set(range(len(ANSWERS)))


def test_output_takes_a_place_as_a_tuple_or_a_list() -> None:
    assert output(place=[1, 2]) == Output(place=(1, 2)) and output(place=3).place == 3
