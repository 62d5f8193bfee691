"""What a hub's answer means, in words: who must do what before the model can come."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from workbench.errors import UnavailableError, UnknownNameError, WorkbenchError, did_you_mean
from workbench.models.hub.cache import on_this_machine, stored

__all__ = ["endpoint", "in_words", "not_a_hub"]


def endpoint() -> str:
    """The address of the hub: `$HF_ENDPOINT` as it is now, a mirror for instance, or the library's own."""

    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or constants.ENDPOINT


def in_words(problem: Exception, *, name: str, repo: str, revision: str | None) -> WorkbenchError:
    """The error to raise for what the hub's library raised.

    Args:
        problem: an `OSError` or an error of the library or of its HTTP client.
        name: the model as the user named it.
        repo, revision: what was asked for.
    """
    from huggingface_hub import errors

    status, headers = _status(problem)
    if isinstance(problem, errors.GatedRepoError):
        return _gated(name, repo, status)
    if isinstance(problem, errors.RevisionNotFoundError):
        return UnknownNameError(
            f"{repo} is on the hub, but has no branch, tag or commit {revision!r}."
            f"{_revisions(repo, revision)} 'hf:{repo}' takes the default branch."
        )
    # A hub says 401 for what does not exist, too, to whoever is not logged in.
    missing = status == 401 and "Invalid credentials" not in headers.get("X-Error-Message", "")
    if isinstance(problem, errors.RepositoryNotFoundError) or missing:
        private = (
            "If it is private, log in with `hf auth login` first." if status == 401 else "Check the spelling."
        )
        return UnknownNameError(f"The hub has no model {repo!r}.{_nearest(repo)} {private}")
    if isinstance(problem, errors.EntryNotFoundError):
        return UnavailableError(
            f"A file of {name} is listed by the hub and not to be had ({_short(problem)}). Try again later."
        )
    if status is not None:
        return _refused(name, status, headers.get("Retry-After", ""))
    return _silent(problem, name)


def not_a_hub(name: str, problem: Exception) -> UnavailableError:
    """The error for an answer that is no hub's: a login page of the network, a proxy's or a mirror's."""
    return UnavailableError(
        f"{name} is not on this machine, and what answers at {endpoint()} is not a model hub "
        f"({_short(problem)}). A network with a login page answers like this: open a browser and log in, "
        f"then try again.{on_this_machine()}"
    )


def _gated(name: str, repo: str, status: int | None) -> UnavailableError:
    page = f"{endpoint()}/{repo}"
    if status == 403:
        return UnavailableError(
            f"{name} is given out only to those who accepted its terms, and your account has not (403). "
            f"Accept them on {page}; some authors answer a request by hand."
        )
    return UnavailableError(
        f"{name} is given out only to those who accepted its terms, and you are not logged in (401). Accept "
        f"them on {page} and log in with `hf auth login`."
    )


def _refused(name: str, status: int, wait: str) -> UnavailableError:
    """The error for an HTTP status that is no special answer of the hub."""
    if status == 401:
        said = (
            "the hub does not know the token that this machine sends (401). Log in again with `hf auth login`"
        )
    elif status == 403:
        said = "the hub denies it to this account (403). Log in with one that may read it, `hf auth login`"
    elif status == 404:
        said = f"{endpoint()} does not know such an address (404). Is HF_ENDPOINT a model hub?"
    elif status == 429:
        span = f"{wait} seconds" if wait.isdigit() else "some minutes"
        said = f"the hub asks to wait {span}: too many requests (429); whoever is logged in may ask more"
    elif status >= 500:
        said = f"the hub is ill ({status}), which is not your fault. Try again in some minutes"
    else:
        said = f"the hub refuses ({status})"
    return UnavailableError(f"{name} is not on this machine, and {said}.{on_this_machine()}")


def _silent(problem: Exception, name: str) -> UnavailableError:
    """The error for a hub that gave no answer at all, or a disk that takes none."""
    from huggingface_hub import constants

    numbers = {one.errno for one in _chain(problem) if isinstance(one, OSError)}
    if errno.ENOSPC in numbers:
        return UnavailableError(
            f"{name} does not fit on the disk of {constants.HF_HUB_CACHE}. Free space there, or set HF_HOME "
            "to another disk and start again; what has arrived is kept."
        )
    if numbers & {errno.EACCES, errno.EPERM, errno.EROFS} and any(
        isinstance(one, PermissionError) for one in _chain(problem)
    ):
        return UnavailableError(
            f"{constants.HF_HUB_CACHE} cannot be written, so {name} has no place to go. Set HF_HOME to a "
            "folder of yours."
        )
    if "Consistency check failed" in str(problem):
        return UnavailableError(
            f"A file of {name} came shorter or longer than the hub says it is. Try again later."
        )
    return UnavailableError(
        f"{name} is not on this machine, and the model hub does not answer ({_short(problem)}). What has "
        f"arrived is kept; the same call goes on from there.{on_this_machine()}"
    )


def _status(problem: Exception) -> tuple[int | None, dict[str, str]]:
    """The HTTP status and headers of the nearest answer in a chain of errors."""
    for one in _chain(problem):
        response = getattr(one, "response", None)
        if response is not None and getattr(response, "status_code", None):
            return int(response.status_code), {key.title(): value for key, value in response.headers.items()}
    return None, {}


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _short(problem: Exception) -> str:
    """The kind of an error and its first line."""
    first = next(iter(str(problem).strip().splitlines()), "")
    return f"{type(problem).__name__}: {first[:120]}" if first else type(problem).__name__


def _nearest(repo: str) -> str:
    """Repositories with a name like this: on this machine, in the curated list, and those the hub finds."""
    from workbench.models.cards import CARDS

    known = {*stored(), *(card.name.removeprefix("hf:") for card in CARDS if card.name.startswith("hf:"))}
    try:
        from huggingface_hub import HfApi

        known |= {
            found.id
            for found in HfApi(endpoint=endpoint()).list_models(search=repo.rpartition("/")[2], limit=20)
        }
    except Exception:
        pass
    return did_you_mean(repo, known)


def _revisions(repo: str, revision: str | None) -> str:
    """The branches and tags of a repository, the nearest first."""
    try:
        from huggingface_hub import HfApi

        refs = HfApi(endpoint=endpoint()).list_repo_refs(repo)
    except Exception:
        return ""
    names = [ref.name for ref in (*refs.branches, *refs.tags)]
    return f"{did_you_mean(revision or '', names)} It has {', '.join(names[:8]) or 'none'}."
