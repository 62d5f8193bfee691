"""Downloads from a hub of our own, with every fault a network can have."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.local_hub import Hub
from workbench import cli, models
from workbench.errors import BadWeightsError, Cancelled, UnavailableError, UnknownNameError
from workbench.models.hub import download

# A second each: every model is given back, which looks through all that Python holds.
pytestmark = pytest.mark.slow
NAME = "hf:org/tiny"


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
def root(hf_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """A hub's folder with one small CLIP in it."""
    folder = tmp_path / "root"
    shutil.copytree(hf_folder("clip"), folder / "org" / "tiny")
    (folder / "org" / "tiny" / ".hub.json").write_text('{"license": "mit"}')
    return folder


@pytest.fixture
def hub(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(root) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server
    models.unload()


def again() -> models.DualEncoder:
    """The model as a new kernel would load it."""
    models.unload()
    return models.load(NAME)


def fetched(hub: Hub, match: str) -> int:
    """How many downloads of files whose path holds `match` were answered."""
    return sum(one.method == "GET" and match in one.path and one.sent > 0 for one in hub.requests)


def ranges(hub: Hub) -> list[str]:
    """From which byte each download of the weights was asked."""
    asked = [one.headers for one in hub.requests if "_cdn/" in one.path and one.method == "GET"]
    return [{key.lower(): value for key, value in one.items()}.get("range", "") for one in asked]


def test_what_was_downloaded_loads_again_without_a_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = models.load(NAME)
    expected = first.encode_texts(["a cat"])
    asked = len(hub.requests)
    assert np.array_equal(again().encode_texts(["a cat"]), expected)
    assert len(hub.requests) == asked, "what is here needs no question"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert np.array_equal(again().encode_texts(["a cat"]), expected)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert np.array_equal(again().encode_texts(["a cat"]), expected)


def test_a_cache_that_was_filled_by_commit_alone_is_found(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    models.load(NAME)
    shutil.rmtree(tmp_path / "hub" / "models--org--tiny" / "refs")
    assert again().card.name == NAME and fetched(hub, "_cdn/") == 1, (
        "asked which commit it is; nothing came twice"
    )
    shutil.rmtree(tmp_path / "hub" / "models--org--tiny" / "refs")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert again().card.name == NAME


def test_other_tools_find_the_download_too(hub: Hub) -> None:
    from huggingface_hub import snapshot_download

    folder = Path(models.fetch(NAME)[0]).parent
    assert Path(snapshot_download("org/tiny", local_files_only=True)) == folder


def test_the_bytes_inside_a_file_are_told_and_the_licence_first(hub: Hub, root: Path, monkeypatch) -> None:
    seen: list = []
    monkeypatch.setattr(download, "_TOLD_EVERY_S", 0.0)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)
    models.fetch(NAME, on_event=seen.append)
    total = seen[0].total
    assert seen[0].message.startswith(f"downloading {NAME}: ") and seen[0].message.endswith(", licence mit")
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert (seen[0].done, seen[-1].done) == (0, total)
    largest = (root / "org" / "tiny" / "model.safetensors").stat().st_size
    assert sum(total - largest < one.done < total for one in seen) > 10


STATUS = [
    (401, {}, "does not know the token"),
    (403, {}, r"denies it to this account \(403\)"),
    (404, {}, r"no model 'org/tiny'|does not know such an address"),
    (429, {"Retry-After": "7"}, "asks to wait 7 seconds"),
    (500, {}, r"the hub is ill \(500\)"),
    (503, {}, r"the hub is ill \(503\)"),
]


@pytest.mark.parametrize(("status", "headers", "said"), STATUS, ids=[str(row[0]) for row in STATUS])
def test_a_refusal_says_what_to_do(hub: Hub, status: int, headers: dict, said: str, monkeypatch) -> None:
    if status == 401:
        headers = {"X-Error-Message": "Invalid credentials in Authorization header"}
    hub.fault("/api/models/", status=status, headers=headers)
    with pytest.raises((UnavailableError, UnknownNameError), match=said) as caught:
        models.load(NAME)
    assert "does not answer" not in str(caught.value)


def test_a_gated_model_says_accept_and_log_in(hub: Hub, root: Path, monkeypatch) -> None:
    (root / "org" / "tiny" / ".hub.json").write_text('{"gated": true}')
    with pytest.raises(UnavailableError, match=r"not logged in \(401\).*/org/tiny and log in with"):
        models.load(NAME)
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(UnavailableError, match=r"your account has not \(403\)"):
        models.load(NAME)
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    assert models.load(NAME).card.commit


def test_an_unknown_repository_names_its_neighbours(hub: Hub) -> None:
    models.load(NAME)
    with pytest.raises(UnknownNameError, match=r"no model 'org/tinny'.*Did you mean 'org/tiny'"):
        models.load("hf:org/tinny")


PORTALS = [
    ("<!DOCTYPE html><title>Welcome to the library's network</title>", "text/html"),
    ("{}", "application/json"),
    ("[1, 2]", "application/json"),
    ('{"id": "org/tiny", "siblings": [{}]}', "application/json"),
    ('"yes"', "application/json"),
]


@pytest.mark.parametrize(("body", "kind"), PORTALS, ids=["page", "empty", "list", "odd", "text"])
def test_a_captive_portal_is_told_from_a_hub(hub: Hub, body: str, kind: str) -> None:
    hub.fault("/api/models/", status=200, body=body, headers={"Content-Type": kind})
    with pytest.raises(UnavailableError, match=r"is not a model hub .* log in, then try again"):
        models.load(NAME)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sha", "../../../outside"),
        ("rfilename", "../../../../outside.json"),
        ("rfilename", "/etc/outside.json"),
        ("rfilename", 7),
        ("blobId", 7),
        ("blobId", "../../outside"),
        ("size", -1),
        ("size", "many"),
        ("sha256", 7),
        ("sha256", "../" * 21 + "x"),
    ],
)
def test_an_answer_that_would_name_files_as_it_likes_is_no_hubs(
    hub: Hub, key: str, value: object, monkeypatch
) -> None:
    """Names, commits and digests become paths of this machine."""
    from huggingface_hub import HfApi

    def told(self: HfApi, *args: object, **options: object) -> object:
        info = asked(self, *args, **options)
        entry = next(one for one in info.siblings if one.rfilename.endswith(".safetensors"))
        if key == "sha":
            info.sha = value
        elif key == "sha256":
            entry.lfs.sha256 = value
        elif key == "blobId":
            entry.lfs, entry.blob_id = None, value
        else:
            setattr(entry, key, value)
        return info

    asked = HfApi.model_info
    monkeypatch.setattr(HfApi, "model_info", told)
    with pytest.raises(UnavailableError, match="is not a model hub"):
        models.fetch(NAME)


@pytest.mark.parametrize("fault", [{"drop": True}, {"hang": True}], ids=["dropped", "silent"])
def test_a_hub_that_is_silent_says_so(hub: Hub, fault: dict, monkeypatch) -> None:
    monkeypatch.setattr(download, "_ANSWER_S", 1.0)
    hub.fault("/api/models/", **fault)
    with pytest.raises(UnavailableError, match="the model hub does not answer"):
        models.load(NAME)


def test_a_slow_answer_is_an_answer(hub: Hub) -> None:
    hub.fault("/api/models/", delay=6.0, times=1)
    assert models.load(NAME).card.commit


def test_a_byte_flipped_on_the_way_is_fetched_again(hub: Hub) -> None:
    hub.fault(r"_cdn/.*safetensors", corrupt=True, times=1)
    model = models.load(NAME)
    assert np.array_equal(model.encode_texts(["a cat"]), _right(hub).encode_texts(["a cat"]))
    assert fetched(hub, "_cdn/") == 2


def test_a_file_that_always_arrives_damaged_is_refused_and_not_kept(hub: Hub) -> None:
    hub.fault(r"_cdn/.*safetensors", corrupt=True)
    with pytest.raises(BadWeightsError, match=r"model\.safetensors of hf:org/tiny arrived damaged twice"):
        models.load(NAME)
    hub.heal()
    assert models.load(NAME).card.commit


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_damaged_file_of_the_cache_is_fetched_again_or_named(hub: Hub, file: str, monkeypatch) -> None:
    folder = Path(models.fetch(NAME)[0]).parent
    stored = (folder / file).resolve()
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 0xFF
    stored.write_bytes(bytes(content))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BadWeightsError, match=f"damaged on this machine: {file} is not what was published"):
        models.load(NAME)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    model = models.load(NAME)
    assert np.array_equal(model.encode_texts(["a cat"]), _right(hub).encode_texts(["a cat"]))


def test_a_wrong_name_of_a_right_file_is_no_damage(hub: Hub, monkeypatch) -> None:
    hub.fault(r"(HEAD|GET) /org/tiny/resolve/.*safetensors", etag="f" * 64)
    models.load(NAME)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert again().card.commit


def test_a_connection_that_breaks_is_taken_up_again(hub: Hub, monkeypatch) -> None:
    hub.fault(r"_cdn/.*safetensors", cut=0.5, times=1)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)
    models.load(NAME)
    asked = ranges(hub)
    assert asked[0] == "" and asked[-1].startswith("bytes=")


def test_a_file_that_is_shorter_than_the_hub_says_is_named(hub: Hub) -> None:
    hub.fault(r"_cdn/.*safetensors", truncate=70_000)
    with pytest.raises(UnavailableError, match="came shorter or longer than the hub says"):
        models.load(NAME)
    hub.heal()
    assert models.load(NAME).card.commit


def test_a_download_is_stopped_and_goes_on(hub: Hub, root: Path, monkeypatch) -> None:
    weights = root / "org" / "tiny" / "model.safetensors"
    hub.fault(r"_cdn/.*safetensors", rate=weights.stat().st_size / 2)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)
    done: list[int] = []

    def enough() -> bool:
        return bool(done) and done[-1] > weights.stat().st_size // 3

    with pytest.raises(Cancelled, match="what has arrived is kept, and the next try goes on from there"):
        models.fetch(NAME, on_event=lambda event: done.append(event.done), should_stop=enough)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnavailableError, match="is not on this machine"):
        models.load(NAME)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    hub.heal()
    assert models.load(NAME).card.commit
    assert ranges(hub)[-1].startswith("bytes=")


@pytest.mark.parametrize("complete", [True, False])
def test_what_killed_downloads_left_is_cleared_up_and_what_goes_on_stays(
    hub: Hub, tmp_path: Path, complete: bool
) -> None:
    file = Path(models.fetch(NAME)[0])
    blobs = next((tmp_path / "hub").glob("models--*/blobs"))
    names = ("a.incomplete", "tmp_1", "tmp_2", "b.workbench.incomplete", "tmp_new")
    for name in names:
        (blobs / name).write_bytes(b"held" if name == "tmp_2" else b"")
        if name != "tmp_new":
            os.utime(blobs / name, (0, 0))
    if not complete:
        file.unlink()  # something is to be fetched again
    models.fetch(NAME)
    assert [name for name in names if (blobs / name).exists()] == [
        "tmp_2",
        "b.workbench.incomplete",
        "tmp_new",
    ]


def test_a_tokeniser_that_arrived_in_part_is_not_believed(hub: Hub, root: Path, monkeypatch) -> None:
    """Small files come first, so that a model whose weights are here is whole; else the folder looks complete."""
    hub.fault(r"resolve.*/tokenizer_config.json", status=403)
    with pytest.raises(UnavailableError, match=r"denies it to this account \(403\)"):
        models.fetch(NAME)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnavailableError, match="is not on this machine"):
        models.load(NAME)


def test_a_revision_is_kept_to_and_written_down(hub: Hub, root: Path, hf_folder, monkeypatch) -> None:
    repository = root / "org" / "tiny"
    shutil.copytree(hf_folder("clip"), repository / "old")
    config = json.loads((repository / "old" / "config.json").read_text("utf-8"))
    config["logit_scale_init_value"] = 1.0
    (repository / "old" / "config.json").write_text(json.dumps(config), "utf-8")
    (repository / ".hub.json").write_text(json.dumps({"license": "mit", "revisions": {"v1": "old"}}))
    old, new = models.load(f"{NAME}@v1"), models.load(NAME)
    assert old.card.name == f"{NAME}@v1" and old.card.commit != new.card.commit
    assert any(old.card.commit[:12] in note for note in old.notes)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pinned = models.load(f"{NAME}@{old.card.commit}")
    assert pinned.card.commit == old.card.commit
    with pytest.raises(UnavailableError, match="is not on this machine at 'v9'"):
        models.load(f"{NAME}@v9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with pytest.raises(UnknownNameError, match="has no branch, tag or commit 'v9'"):
        models.load(f"{NAME}@v9")
    with pytest.raises(UnknownNameError, match="expected 'hf:ORG/NAME'"):
        models.load(f"{NAME}@")


def test_a_configuration_that_names_fewer_layers_is_refused(hf_folder, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(hf_folder("clip"), cut)
    config = json.loads((cut / "config.json").read_text("utf-8"))
    config["vision_config"]["num_hidden_layers"] -= 1
    (cut / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(BadWeightsError, match=r"names fewer layers than its weights hold: 1 .*layers\.1"):
        models.load(str(cut))


def test_a_machine_is_made_ready_for_a_class_and_proved(hub: Hub, root: Path, capsys) -> None:
    assert cli.main(["models", "fetch", NAME]) == 0
    assert f"ok     {NAME}: on this machine" in capsys.readouterr().out
    assert cli.main(["models", "check", NAME]) == 0
    assert f"ok     {NAME}: loads without a network; 24 features, commit " in capsys.readouterr().out
    weights = (Path(models.fetch(NAME)[0]).parent / "model.safetensors").resolve()
    state = weights.stat()
    content = bytearray(weights.read_bytes())
    content[-5] ^= 0xFF
    weights.write_bytes(bytes(content))
    os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert cli.main(["models", "check", NAME, "emoji-clip"]) == 1
    said = capsys.readouterr().out
    assert f"error  {NAME}: " in said and "ok     emoji-clip: loads without a network" in said
    assert cli.main(["models", "fetch", "hf:org/none"]) == 1


def test_a_new_kernel_takes_a_mirror_that_the_notebook_names(hub: Hub, tmp_path: Path) -> None:
    code = "import huggingface_hub, os, sys\nfrom workbench import models\n"
    code += "os.environ['HF_ENDPOINT'] = sys.argv[1]\nprint(models.load('hf:org/tiny').card.commit)"
    environment = {name: value for name, value in os.environ.items() if name != "HF_ENDPOINT"}
    environment |= {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    ran = subprocess.run(
        [sys.executable, "-c", code, hub.url], capture_output=True, text=True, env=environment, timeout=120
    )
    assert len(ran.stdout.strip()) == 40, ran.stderr


def test_a_network_that_swallows_everything_is_noticed_soon(monkeypatch) -> None:
    def swallowed(*given: object, **options: object) -> None:
        assert options["timeout"] == download._CONNECT_S
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", swallowed)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="does not answer"):
        models.load(NAME)


def _right(hub: Hub) -> models.DualEncoder:
    """The model from the folder that the hub serves."""
    return models.load(str(hub.root / "org" / "tiny"))
