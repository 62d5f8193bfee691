"""The two ancestors of captioners: one step at a time gives what the whole caption gives; maps are weights."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn import functional

from workbench.errors import BadInputError
from workbench.models.adapters.lstm_captioner import (
    LSTMCaptioner,
    LSTMShape,
    open_lstm_captioner,
    save_lstm_captioner,
)

EYE = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "image_size": 32, "patch_size": 8, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
PIXELS = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=[True, False], ids=["attends", "pooled"])
def captioner(request):
    torch.manual_seed(0)
    model = LSTMCaptioner(LSTMShape(request.param, 20, EYE, hidden=24, word=12, attention=8))
    return model.double().eval()


def test_a_caption_read_at_once_is_the_same_as_word_by_word(captioner):
    read = torch.randint(0, 20, (3, 7), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = captioner(PIXELS.double(), read)
        seen = captioner.look(PIXELS.double())
        state, told = captioner.begin(seen), []
        for word in read.T:
            logits, state, _ = captioner.step(word, state, seen)
            told.append(logits)
    torch.testing.assert_close(torch.stack(told, 1), whole, rtol=1e-10, atol=1e-12)


def test_several_captions_of_a_picture_are_each_its_own(captioner):
    read = torch.randint(0, 20, (6, 5), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        both = captioner(PIXELS.double(), read)
        for picture in range(3):
            one = captioner(PIXELS[picture : picture + 1].double(), read[2 * picture : 2 * picture + 2])
            torch.testing.assert_close(both[2 * picture : 2 * picture + 2], one, rtol=1e-10, atol=1e-12)


def test_greedy_takes_the_best_word_until_the_end(captioner):
    ids, maps = captioner.write(PIXELS.double(), start=3, end=1, most=6)
    read = torch.cat([torch.full((3, 1), 3), ids[:, :-1]], dim=1)
    with torch.no_grad():
        best = captioner(PIXELS.double(), read).argmax(dim=-1)
    for row, wanted in zip(ids.tolist(), best.tolist(), strict=True):
        stop = row.index(1) + 1 if 1 in row else len(row)
        assert row[:stop] == wanted[:stop] and set(row[stop:]) <= {1}
    if captioner.shape.attends:
        assert maps.shape == (3, ids.shape[1], 16)
        torch.testing.assert_close(maps.sum(dim=-1), torch.ones(maps.shape[:2], dtype=maps.dtype))
    else:
        assert maps is None


def test_attention_by_the_papers_equations():
    """Bahdanau's energies, softmax, gate and deep output, written out for one word of one caption."""
    torch.manual_seed(3)
    model = LSTMCaptioner(LSTMShape(True, 20, EYE, hidden=24, word=12, attention=8)).eval()
    with torch.no_grad():
        seen = model.look(PIXELS)
        hidden, cell = model.begin(seen)
        told, (after, _), weights = model.step(torch.tensor([4, 5, 6]), (hidden, cell), seen)
        k, patches = 1, seen.patches[1]
        energy = [
            model.energy.weight[0] @ torch.tanh(model.key(patch) + model.query(hidden[k]))
            for patch in patches
        ]
        alpha = torch.stack(energy).softmax(0)
        gate = torch.sigmoid(model.gate(hidden[k]))
        context = gate * (alpha[:, None] * patches).sum(0)
        word = model.words.weight[5]
        new, _ = model.cell(torch.cat([word, context])[None], (hidden[k : k + 1], cell[k : k + 1]))
        out = torch.tanh(word + model.from_hidden(new[0]) + model.from_picture(context))
        wanted = functional.linear(out, model.head.weight, model.head.bias)
    torch.testing.assert_close(weights[k], alpha, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(after[k], new[0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(told[k], wanted, rtol=1e-4, atol=1e-5)


def test_the_pooled_vector_is_seen_once():
    """Patches do not reach it: only the first token does."""
    model = LSTMCaptioner(LSTMShape(False, 20, EYE, hidden=24, word=12)).eval()
    with torch.no_grad():
        seen = model.look(PIXELS)
        read = torch.randint(0, 20, (3, 4))
        blind = type(seen)(seen.pooled, torch.zeros_like(seen.patches), seen.keys)
        torch.testing.assert_close(model.tell(seen, read), model.tell(blind, read))
        other = type(seen)(seen.pooled.flip(0), seen.patches, seen.keys)
        assert not torch.allclose(model.tell(seen, read), model.tell(other, read), atol=1e-4)


def test_a_folder_is_weights_and_json_and_of_another_model_refused(tmp_path, captioner):
    save_lstm_captioner(captioner, tmp_path / "kept")
    assert sorted(file.name for file in (tmp_path / "kept").iterdir()) == ["config.json", "model.safetensors"]
    again = open_lstm_captioner(tmp_path / "kept")
    assert again.shape == captioner.shape and not again.training
    for name, value in captioner.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value.half().float())
    config = json.loads((tmp_path / "kept" / "config.json").read_text("utf-8"))
    (tmp_path / "kept" / "config.json").write_text(json.dumps(config | {"model_type": "clip"}), "utf-8")
    with pytest.raises(BadInputError, match="kept holds no lstm_captioner"):
        open_lstm_captioner(tmp_path / "kept")
