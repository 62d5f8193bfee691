"""The model hub and its cache: what is here, what would come, and a quick answer when there is no network.

Nothing is fetched unless the user named the model, and nothing before an `Event` said how large it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workbench._repr import human_bytes
from workbench.errors import BadWeightsError, UnavailableError, UnknownNameError
from workbench.results import Event, OnEvent

__all__ = ["Choose", "choose_model_files", "choose_open_clip_weights", "choose_tokeniser"]
__all__ += ["choose_tower_files", "fetch", "offline", "stored"]

Choose = Callable[[Mapping[str, int]], list[str] | None]
"""From a repository's files (name -> bytes) those that are needed, or None if a needed one is missing."""

_PATIENCE_S = 5.0  # for the first answer of the hub; a classroom without network should not wait longer
_TOKENISERS = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.txt",
    "vocab.json",
)
_SMALL = (".json", ".txt", ".model")


def offline() -> bool:
    """Whether the user has switched the network off for models (`HF_HUB_OFFLINE=1`)."""
    from huggingface_hub import constants

    # The library reads the variable once, when it is imported; a notebook may set it later.
    return constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in {
        "1",
        "ON",
        "YES",
        "TRUE",
    }


def stored() -> dict[str, int]:
    """Repositories in the hub's cache on this machine, with their bytes."""
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    try:
        found = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return {}
    return {repo.repo_id: repo.size_on_disk for repo in found.repos if repo.repo_type == "model"}


def fetch(repo: str, choose: Choose, *, name: str, on_event: OnEvent | None = None) -> Path:
    """The folder of a repository's snapshot with the chosen files in it; downloaded only if it must be.

    Raises:
        UnavailableError: not here, and the network is off, does not answer or denies access.
        UnknownNameError: the hub has no such repository.
        BadWeightsError: the repository holds nothing that can be loaded.
    """
    folder = _local(repo)
    if folder is not None and choose(_listing(folder)) is not None:
        return folder
    if offline():
        raise UnavailableError(f"{name} is not on this machine and HF_HUB_OFFLINE is set.{_whats_here()}")
    return _download(repo, choose, name, on_event)


def choose_model_files(files: Mapping[str, int]) -> list[str] | None:
    """A model folder of either library: configuration, tokeniser, weights (safetensors before pickles)."""
    small = [file for file in files if "/" not in file and file.endswith(_SMALL)]
    native = [file for file in ("config.json", "model.safetensors", "pytorch_model.bin") if file in files]
    if "open_clip_config.json" in files and len(native) < 2:
        weights = choose_open_clip_weights(files)
        return None if weights is None else [*small, *weights]
    shards = [file for file in files if file.startswith("model-") and file.endswith(".safetensors")]
    weights = [file for file in native[1:2]] or shards
    complete = "config.json" in files and weights and _promised(shards)
    return [*small, *weights] if complete and any(file in files for file in _TOKENISERS) else None


def choose_tower_files(files: Mapping[str, int]) -> list[str] | None:
    """One tower of transformers or timm: its configuration, weights, and a tokeniser if there is one."""
    small = [file for file in files if "/" not in file and file.endswith(_SMALL)]
    weights = [file for file in ("model.safetensors", "pytorch_model.bin") if file in files][:1]
    return [*small, *weights] if weights and "config.json" in files else None


def choose_open_clip_weights(files: Mapping[str, int]) -> list[str] | None:
    """open_clip's weights in a repository: safetensors before a pickle."""
    usual = (
        "open_clip_model.safetensors",
        "open_clip_pytorch_model.safetensors",
        "open_clip_pytorch_model.bin",
    )
    found = [file for file in usual if file in files]
    return found[:1] or None


def choose_tokeniser(files: Mapping[str, int]) -> list[str] | None:
    """A tokeniser and the configuration beside it, without weights."""
    if not any(file in files for file in _TOKENISERS):
        return None
    return [file for file in files if "/" not in file and file.endswith(_SMALL)]


def _promised(shards: Sequence[str]) -> bool:
    """Whether all parts named `model-00001-of-00003` are there."""
    return not shards or len(shards) == int(shards[0].removesuffix(".safetensors").rsplit("-of-", 1)[-1])


def _local(repo: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    except HFValidationError as problem:
        raise UnknownNameError(f"{repo!r} cannot be a repository: {problem} Expected ORG/NAME.") from problem


def _listing(folder: Path) -> dict[str, int]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}


def _download(repo: str, choose: Choose, name: str, on_event: OnEvent | None) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = HfApi().model_info(repo, files_metadata=True, timeout=_PATIENCE_S)
        files = {entry.rfilename: entry.size or 0 for entry in info.siblings or ()}
        chosen = choose(files)
        if chosen is None:
            raise BadWeightsError(f"{name}: {_nothing_to_load(repo, files)}")
        licence = getattr(info.card_data, "license", None) or "not stated"
        size = sum(files[file] for file in chosen)
        _tell(on_event, 0, size, f"downloading {name}: {human_bytes(size)}, licence {licence}")
        folder = snapshot_download(repo, revision=info.sha, allow_patterns=chosen, etag_timeout=_PATIENCE_S)
        _tell(on_event, size, size, f"{name} is on this machine now")
        return Path(folder)
    except GatedRepoError as problem:
        raise UnavailableError(
            f"{name} is given out only to those who accepted its terms. Accept them on the model's page and "
            "log in with `hf auth login`."
        ) from problem
    except RepositoryNotFoundError as problem:
        raise UnknownNameError(
            f"The hub has no model {repo!r} (or it is private). Check the spelling."
        ) from problem
    except _silences() as problem:
        raise UnavailableError(
            f"{name} is not on this machine, and the model hub does not answer "
            f"({type(problem).__name__}).{_whats_here()}"
        ) from problem


def _silences() -> tuple[type[Exception], ...]:
    """What a hub that cannot be reached raises.

    The base of the hub's own error is that of its HTTP client, which changed with the hub's versions.
    """
    from huggingface_hub.errors import HfHubHTTPError

    bases = (base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception))
    return (OSError, HfHubHTTPError, *bases)


def _nothing_to_load(repo: str, files: Mapping[str, int]) -> str:
    configs = [file for file in files if file in ("config.json", "open_clip_config.json")]
    if not configs:
        return (
            f"{repo} has neither config.json nor open_clip_config.json, so no model that can be loaded here."
        )
    return (
        f"{repo} has no complete weights in safetensors (or a single pickle), or no tokeniser; "
        f"it holds {len(files)} files. Ask its author for safetensors."
    )


def _tell(on_event: OnEvent | None, done: int, total: int, message: str) -> None:
    if on_event is not None:
        on_event(Event("download", done, total, message))


def _whats_here() -> str:
    from workbench.models.cards import SHIPPED, WEIGHTS

    here = [card.name for card in SHIPPED if (WEIGHTS / card.name).is_dir()]
    here += [f"hf:{repo}" for repo in sorted(stored())]
    return f" On this machine: {', '.join(here) or 'no model yet'}. models.available() lists them with sizes."
