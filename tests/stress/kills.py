"""Section "kills": a process is killed while it writes; what it left opens or says what it lacks, and goes on.

It is killed where a file is opened, named or taken away, and in the middle of a file, once it has so many bytes,
so that every state of the disk comes about on the slowest machine too; and at moments that a clock draws. What is finished afterwards equals what was never
disturbed, and nothing is left lying about that would grow from kill to kill.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.stress.setting import Setting

__all__ = ["run"]

_WRITES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink")
_KILLS = 4  # of one work, before it may end
_OLD = 7200.0  # seconds: what is left of a kill has been lying there so long


@dataclass(frozen=True)
class Work:
    """Something that writes.

    Attributes:
        do: does it in a folder; done again, it goes on.
        look: at what is there after a kill; a WorkbenchError is an answer.
        result: of what is finished, as plain values that can be compared.
    """

    do: Callable[[Path], Any]
    look: Callable[[Path], Any]
    result: Callable[[Path], Any]


def run(setting: Setting) -> str:
    """Rounds of one work, killed several times and then finished."""
    works = _works(setting)
    wanted: dict[str, Any] = {}
    kills = 0
    names = sorted(works)
    for number in setting.rounds():
        chance = setting.chance(number)
        chosen = names if setting.most is not None or setting.case else [names[number % len(names)]]
        for name in chosen:
            if setting.case and not setting.case.startswith(f"{name}:"):
                continue
            try:
                if name not in wanted:
                    wanted[name] = _undisturbed(
                        works[name], setting.folder / f"whole-{number}-{names.index(name)}"
                    )
                kills += _killed(
                    works[name], wanted[name], setting.folder / f"{number}-{names.index(name)}", chance
                )
            except Exception as problem:
                setting.fail(f"{name}:{number}", f"{type(problem).__name__}: {problem}")
    return f"{kills:,} kills of {len(names)} works"


def _undisturbed(work: Work, folder: Path) -> tuple[Any, set[str], int, float, int]:
    """The result, the files, how often something was written, the seconds that took, the largest file's bytes."""
    folder.mkdir(parents=True)
    began = time.monotonic()
    told = _in_a_process(work.do, folder, None, None)
    if told != 0:
        raise AssertionError("it does not even end when nobody disturbs it")
    seconds = time.monotonic() - began
    steps = int((folder.parent / f"{folder.name}.steps").read_text())
    largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return work.result(folder), _files(folder), steps, seconds, largest


def _killed(work: Work, wanted: tuple[Any, set[str], int, float, int], folder: Path, chance: Any) -> int:
    from workbench.errors import WorkbenchError

    result, files, steps, seconds, largest = wanted
    folder.mkdir(parents=True)
    kills = 0
    for _ in range(_KILLS):
        how = chance.choice(("event", "bytes", "bytes", "clock"))
        ended = _in_a_process(
            work.do,
            folder,
            chance.randrange(1, steps + 1) if how == "event" else None,
            chance.random() * seconds if how == "clock" else None,
            chance.randrange(1, largest + 1) if how == "bytes" else None,
        )
        if ended > 0:
            raise AssertionError(f"after {kills} kills it cannot go on: {_said(folder)}")
        kills += ended < 0
        try:
            work.look(folder)
        except WorkbenchError as problem:
            if len(str(problem)) < 20:
                raise AssertionError(f"it only says {str(problem)!r}") from problem
    _grow_old(folder)
    if _in_a_process(work.do, folder, None, None) != 0:
        raise AssertionError(f"it cannot be finished after {kills} kills: {_said(folder)}")
    if not _same(result, work.result(folder)):
        raise AssertionError(f"after {kills} kills the result is another than undisturbed")
    more = {name for name in _files(folder) - files if not name.endswith(".lock")}
    if more:
        raise AssertionError(f"after {kills} kills there is left: {', '.join(sorted(more)[:5])}")
    shutil.rmtree(folder)
    return kills


def _in_a_process(
    do: Callable[[Path], Any], folder: Path, at: int | None, after: float | None, most: int | None = None
) -> int:
    """How a copy of this process ended that did it.

    Args:
        at: killed at its so many-th write; `after` so many seconds; with a file of `most` bytes, amid it.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if most is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(
                    resource.RLIMIT_FSIZE, (most, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
                )
            steps = _counted(folder, at)
            do(folder)
            if at is None:
                (folder.parent / f"{folder.name}.steps").write_text(str(steps[0]))
            code = 0
        except BaseException as problem:
            (folder.parent / f"{folder.name}.said").write_text(f"{type(problem).__name__}: {problem}")
        finally:
            os._exit(code)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _counted(folder: Path, at: int | None) -> list[int]:
    """Count what is written below `folder` in this process, and end it at the `at`-th time."""
    steps, below = [0], str(folder)

    def hear(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            writes = isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        else:
            writes = event in _WRITES
        if writes and any(str(one).startswith(below) for one in given if isinstance(one, (str, Path))):
            steps[0] += 1
            if steps[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)
    return steps


def _said(folder: Path) -> str:
    file = folder.parent / f"{folder.name}.said"
    return file.read_text() if file.is_file() else "killed"


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _grow_old(folder: Path) -> None:
    then = time.time() - _OLD
    for path in folder.rglob("*"):
        if path.suffix in (".tmp", ".partial", ".incomplete") or path.name.startswith("tmp_"):
            os.utime(path, (then, then))


def _same(one: Any, other: Any) -> bool:
    from tests.workbench.fusion.small import same

    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return same(
        one, other, ("live", "built", "sources", "source", "examples", "code", "build", "pairs", "pair")
    )


# What writes


def _works(setting: Setting) -> dict[str, Work]:
    from tests.stress.kept_readers import opener, results

    found = {
        "corpus": Work(_corpus, _look_corpus, _result_corpus),
        "cache": Work(_cache, _cache, _cache),
        "pictures": Work(_keep, lambda folder: None, _pictures),
        "compare": Work(_compare, _open_report, _open_report),
        "download": Work(
            partial(_download, setting.folder),
            partial(_loaded, setting.folder, True),
            partial(_loaded, setting.folder, False),
        ),
    }
    if not (setting.case or "").startswith(tuple(found)):
        for kind, one in results().items():
            opened = partial(_opened, opener(kind))
            found[f"save of {kind}"] = Work(partial(_save, one), opened, opened)
    _hub(setting.folder)
    return found


def _corpus(folder: Path) -> None:
    from tests.fakes import FakeEncoder
    from tests.stress.kept_readers import many
    from workbench.embedding import embed_to

    embed_to(folder / "corpus", FakeEncoder(), many(12), partition=3)


def _look_corpus(folder: Path) -> None:
    from workbench.embedding import open_corpus

    corpus = open_corpus(folder / "corpus")
    if not corpus.complete and not any("are there" in note for note in corpus.notes):
        raise AssertionError("it does not say that it is incomplete")
    repr(corpus.embeddings())


def _result_corpus(folder: Path) -> Any:
    from workbench.embedding import open_corpus

    parts = sorted((folder / "corpus").glob("part-*"))
    return [open_corpus(folder / "corpus").embeddings().image, open_corpus(folder / "corpus").embeddings().text,
            [file.read_bytes() for file in parts]]  # fmt: skip


def _cache(folder: Path) -> Any:
    from tests.fakes import FakeEncoder
    from tests.stress.kept_readers import many
    from workbench import cache
    from workbench.embedding import embed, forget

    os.environ["WORKBENCH_CACHE"] = str(folder)
    cache._swept.clear()  # as a new kernel
    forget()
    found = embed(FakeEncoder(), many())
    return [found.image, found.text]


def _keep(folder: Path) -> None:
    from tests.stress.kept_readers import many
    from workbench import cache, data

    cache._swept.clear()
    data.keep(many(4), folder / "pictures")


def _pictures(folder: Path) -> Any:
    from workbench import data

    return [file.read_bytes() for file in sorted((folder / "pictures").iterdir())] + [
        list(data.load(folder / "pictures").keys)
    ]


def _compare(folder: Path) -> None:
    from tests.workbench.fusion.small import small_examples
    from workbench.fusion import Design, Plan, compare

    if (folder / "report" / "report.json").is_file():
        return
    plan = Plan(design=Design(width=8), epochs=1, batch_size=32, contributions=False)
    compare(small_examples(), ["mean-logits"], seeds=1, plan=plan).save(folder / "report")


def _open_report(folder: Path) -> Any:
    from workbench.fusion import open_report

    report = open_report(folder / "report")
    return [report.probability, report.truth, report.metrics["accuracy"], report.weights]


def _save(one: Any, folder: Path) -> None:
    from workbench.errors import BadInputError

    try:
        one.save(folder / "kept")
    except BadInputError:  # it is there: then it has to be whole
        type(one)
        if not list((folder / "kept").glob("*.json")):
            raise


def _opened(open_it: Callable[[Path], Any], folder: Path) -> Any:
    return open_it(folder / "kept")


def _hub(folder: Path) -> None:
    from tests.local_hub import Hub
    from tests.stress.model_readers import _of_transformers

    place = folder / "root" / "org" / "tiny"
    place.mkdir(parents=True)
    _of_transformers("siglip", place)
    hub = Hub(folder / "root")
    hub.__enter__()
    (folder / "hub.url").write_text(hub.url)


def _with_hub(base: Path, folder: Path) -> None:
    import huggingface_hub.constants as constants

    from workbench import cache, models

    constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = str(folder / "hub"), False
    os.environ |= {
        "HF_ENDPOINT": (base / "hub.url").read_text(), "HF_HUB_OFFLINE": "0", "WORKBENCH_CACHE": str(folder / "cache"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }  # fmt: skip
    cache._swept.clear()
    models.unload()


def _download(base: Path, folder: Path) -> None:
    from workbench import models

    _with_hub(base, folder)
    models.fetch("hf:org/tiny")


def _loaded(base: Path, after_a_kill: bool, folder: Path) -> Any:
    """The vectors of what is here, with the network off: whole, or a message."""
    from workbench import models

    _with_hub(base, folder)
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        return [models.load("hf:org/tiny").encode_texts(["a cat", "two birds"])]
    finally:
        models.unload()
