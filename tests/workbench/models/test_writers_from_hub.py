"""Models that write, from a hub of our own: with their chat template, and none that brings its own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import writer_folders
from tests.local_hub import Hub
from workbench import models
from workbench.errors import UnsupportedError
from workbench.readiness import checked


@pytest.fixture(autouse=True)
def _no_network_and_an_empty_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As for the other tests of models, but this machine's own addresses answer."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    writer_folders.made("llava", tmp_path / "root" / "org" / "vlm")
    with Hub(tmp_path / "root") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server
    models.unload()


def test_a_writer_comes_from_the_hub_with_its_template_and_loads_again_offline(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = models.fetch("hf:org/vlm")
    assert {"chat_template.jinja", "model.safetensors"} <= {file.name for file in files}
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    writer = models.load("hf:org/vlm")
    assert writer.capabilities["converse"] is None and writer.card.commit
    assert any("are those of commit" in note for note in writer.notes)
    assert "hf:org/vlm" in models.available().names
    (found,) = checked(["hf:org/vlm"])
    assert found.level == "ok" and "without a network; it writes about pictures, commit" in found.text


def test_a_repository_with_its_own_code_is_refused_before_its_weights_come(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "root" / "org" / "vlm" / "config.json"
    config = json.loads(file.read_text())
    config |= {"model_type": "internvl_chat", "auto_map": {"AutoModel": "evil.Model"}}
    file.write_text(json.dumps(config))
    with pytest.raises(UnsupportedError, match=r"never run here.*OpenGVLab/InternVL3-2B-hf"):
        models.load("hf:org/vlm")
    asked = [one.path for one in hub.requests if one.method == "GET" and one.sent > 0]
    assert any("config.json" in path for path in asked)
    assert not any("safetensors" in path or "_cdn/" in path for path in asked)
