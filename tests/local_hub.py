"""A Hugging Face hub of one's own on 127.0.0.1: small models, and every fault a network can have.

Standard library only, one file. It serves folders as model repositories and answers what `huggingface_hub`
asks while it downloads (checked against 2.4.0): model_info, tree listing, HEAD and GET of files with ETag,
X-Repo-Commit, X-Linked-Size, X-Linked-Etag, Range; large files are redirected to a second path as to a CDN, small
ones to `/api/resolve-cache` as the real hub does. Not emulated: Xet storage, uploads, datasets, pagination.

In a test:

    with Hub(root) as hub:                         # a free port; hub.url
        hub.fault(r"/resolve/.*safetensors", cut=0.5, times=1)      # the connection breaks at half of the file
        ...
        hub.requests                               # every request: method, path, headers, status, bytes sent

What a repository is like beside its files may be said in ROOT/ORG/NAME/.hub.json:

    {"license": "mit",            cardData.license; leave out for a repository that states none
     "gated": true,               files need the token `hf_good`: 401 without, 403 with another one
     "private": true,             as if it did not exist (401) without the token
     "moved_to": "ORG2/NAME2",    307 to another name, as after a rename
     "revisions": {"v1": "FOLDER"}}   a tag or branch: the files of ROOT/ORG/NAME/FOLDER

Faults (`Hub.fault`; `Hub.heal` forgets them). A fault is
applied to the first `times` requests (-1: all) whose "METHOD PATH" matches the regular expression `match`:

    status=503, headers={...}, body="..."   answer this instead
    delay=2.0           seconds before the answer
    rate=100_000        bytes a second
    cut=0.5             close the connection after this share of the body
    truncate=1000       promise and send only so many bytes (the file got shorter)
    corrupt=True        flip the bits of one byte in the middle of the body
    etag="..."          another ETag; size=N another X-Linked-Size
    ranges=False        ignore Range requests
    hang=True           accept, and never answer (until the hub is closed)
    drop=True           close the connection without an answer
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.hub_repository import Repo, digests, is_large

GOOD_TOKEN = "hf_good"


@dataclass
class Fault:
    """What goes wrong with requests whose "METHOD PATH" matches."""

    match: str
    times: int = -1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    delay: float = 0.0
    rate: float | None = None
    cut: float | None = None
    truncate: int | None = None
    corrupt: bool = False
    etag: str | None = None
    size: int | None = None
    ranges: bool = True
    hang: bool = False
    drop: bool = False


@dataclass
class Request:
    """One line of the log."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0
    fault: str = ""


class Hub:
    """The server. `with Hub(root) as hub:` listens until the block ends."""

    def __init__(
        self, root: str | Path, port: int = 0, *, cdn: bool = True, resolve_cache: bool = True
    ) -> None:
        self.root = Path(root).resolve()
        self.cdn, self.resolve_cache = cdn, resolve_cache
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def fault(self, match: str, **what: object) -> Fault:
        """Something goes wrong from now on; see the top of this file."""
        fault = Fault(match, **what)  # type: ignore[arg-type]
        with self.lock:
            self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """No faults any more."""
        with self.lock:
            self.faults.clear()

    def fault_for(self, line: str) -> Fault | None:
        """The fault of a request, counted."""
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.match, line):
                    fault.times -= fault.times > 0
                    return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    server_version = "local-hub"

    def log_message(self, *_: object) -> None:
        """The log is `hub.requests`."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        self.log = Request(time.time(), self.command, self.path, dict(self.headers))
        with self.hub.lock:
            self.hub.requests.append(self.log)
        self.fault = fault = self.hub.fault_for(f"{self.command} {self.path}")
        if fault:
            self.log.fault = fault.match
            if fault.delay:
                self.hub.closing.wait(fault.delay)
            if fault.hang:
                self.hub.closing.wait()
            if fault.hang or fault.drop:
                self._break()
                return
            if fault.status is not None:
                self._say(fault.status, fault.body or json.dumps({"error": "made to fail"}), fault.headers)
                return
        try:
            self._route(path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _route(self, path: str) -> None:
        if found := re.fullmatch(r"/api/models/([^/]+(?:/[^/]+)?)/tree/([^/]+)(?:/.*)?", path):
            self._tree(found[1], found[2])
        elif found := re.fullmatch(r"/api/models/([^/]+(?:/[^/]+)?)(?:/revision/(.+))?", path):
            self._info(found[1], found[2] or "main")
        elif found := re.fullmatch(r"/api/resolve-cache/models/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)", path):
            self._file(found[1], found[2], found[3], final=True)
        elif found := re.fullmatch(r"/_cdn/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)", path):
            self._file(found[1], found[2], found[3], final=True, cdn=True)
        elif found := re.fullmatch(r"/([^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)", path):
            self._file(found[1], found[2], found[3])
        elif path == "/api/whoami-v2":
            known = self._token() == GOOD_TOKEN
            self._say(200 if known else 401, json.dumps({"name": "somebody"} if known else {"error": "no"}))
        else:
            self._say(404, json.dumps({"error": f"no such page: {path}"}))

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ").strip()

    def _repo(self, name: str, *, open: bool = False) -> Repo | None:
        """The repository, or None after the answer that there is none (or that it is elsewhere).

        `open`: the address is signed, so no token is needed.
        """
        repo = Repo(self.hub.root, name)
        if moved := repo.said.get("moved_to"):
            where = self.path.replace(quote(name, safe="/"), moved, 1)
            self._say(307, "", {"Location": where})
            return None
        if not repo.folder.is_dir() or (
            repo.said.get("private") and not open and self._token() != GOOD_TOKEN
        ):
            if self._token():
                self._say(
                    404, json.dumps({"error": "Repository not found"}), {"X-Error-Code": "RepoNotFound"}
                )
            else:
                self._say(
                    401,
                    json.dumps({"error": "Invalid username or password."}),
                    {"X-Error-Message": "Invalid username or password."},
                )
            return None
        return repo

    def _place(self, repo: Repo, revision: str) -> Path | None:
        place = repo.place(revision)
        if place is None:
            self._say(
                404,
                json.dumps({"error": f"Invalid rev id: {revision}"}),
                {"X-Error-Code": "RevisionNotFound"},
            )
        return place

    def _info(self, name: str, revision: str) -> None:
        repo = self._repo(name)
        place = repo and self._place(repo, revision)
        if not repo or not place:
            return
        blobs = "blobs" in parse_qs(urlsplit(self.path).query)
        siblings = []
        for file, path in repo.files(place).items():
            entry: dict[str, object] = {"rfilename": file}
            if blobs:
                sha256, git = digests(path)
                entry |= {"size": path.stat().st_size, "blobId": git}
                if is_large(path):
                    entry["lfs"] = {"size": path.stat().st_size, "sha256": sha256, "pointerSize": 134}
            siblings.append(entry)
        licence = repo.said.get("license")
        told = {
            "_id": "0" * 24, "id": name, "modelId": name, "author": name.partition("/")[0],
            "sha": repo.commit(place), "lastModified": "2024-01-01T00:00:00.000Z",
            "createdAt": "2024-01-01T00:00:00.000Z", "private": bool(repo.said.get("private")),
            "gated": "auto" if repo.said.get("gated") else False, "disabled": False, "downloads": 1, "likes": 0,
            "tags": [], "siblings": siblings, "cardData": {"license": licence} if licence else None,
        }  # fmt: skip
        self._say(200, json.dumps({key: value for key, value in told.items() if value is not None}))

    def _tree(self, name: str, revision: str) -> None:
        repo = self._repo(name)
        place = repo and self._place(repo, revision)
        if not repo or not place:
            return
        entries = []
        for file, path in repo.files(place).items():
            sha256, git = digests(path)
            entry: dict[str, object] = {"type": "file", "oid": git, "size": path.stat().st_size, "path": file}
            if is_large(path):
                entry["lfs"] = {"oid": sha256, "size": path.stat().st_size, "pointerSize": 134}
            entries.append(entry)
        self._say(200, json.dumps(entries))

    def _file(self, name: str, revision: str, file: str, *, final: bool = False, cdn: bool = False) -> None:
        repo = self._repo(name, open=cdn)
        place = repo and self._place(repo, revision)
        if not repo or not place:
            return
        commit = {"X-Repo-Commit": repo.commit(place)}
        if repo.said.get("gated") and not cdn and self._token() != GOOD_TOKEN:
            self._say(
                403 if self._token() else 401,
                f"Access to model {name} is restricted.",
                commit | {"X-Error-Code": "GatedRepo", "X-Error-Message": f"Access to {name} is restricted."},
            )
            return
        path = repo.files(place).get(file)
        if path is None:
            self._say(404, "Entry not found", commit | {"X-Error-Code": "EntryNotFound"})
            return
        sha256, git = digests(path)
        large = is_large(path)
        etag = self.fault.etag if self.fault and self.fault.etag else sha256 if large else git
        size = self.fault.size if self.fault and self.fault.size is not None else path.stat().st_size
        known = commit | {"X-Linked-Size": str(size), "X-Linked-Etag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if not final and large and self.hub.cdn:
            # "localhost" is another host than 127.0.0.1 to a client, so no token may go there.
            port = urlsplit(self.hub.url).port
            where = f"http://localhost:{port}/_cdn/{name}/{repo.commit(place)}/{quote(file)}?signature=x"
            self._say(302, "", known | {"Location": where, "ETag": f'"{git}"'})
            return
        if not final and not large and self.hub.resolve_cache:
            where = f"/api/resolve-cache/models/{name}/{repo.commit(place)}/{quote(file)}?etag={etag}"
            self._say(307, "", {**commit, "Location": where, "ETag": f'"{etag}"'})
            return
        self._send(
            path,
            {
                **commit,
                "ETag": f'"{etag}"',
                "Accept-Ranges": "bytes",
                **({} if cdn else {"X-Linked-Size": str(size), "X-Linked-Etag": f'"{etag}"'}),
            },
        )

    def _send(self, path: Path, headers: dict[str, str]) -> None:
        fault = self.fault or Fault("")
        content = path.read_bytes()
        if fault.truncate is not None:
            content = content[: fault.truncate]
        if fault.corrupt and content:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
        status, whole = 200, len(content)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if found and fault.ranges:
            first = int(found[1])
            if first >= whole:
                self._say(416, "", {"Content-Range": f"bytes */{whole}"})
                return
            last = min(int(found[2] or whole - 1), whole - 1)
            content, status = content[first : last + 1], 206
            headers = headers | {"Content-Range": f"bytes {first}-{last}/{whole}"}
        self.send_response(status)
        self.log.status = status
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        stop = len(content) if fault.cut is None else int(len(content) * fault.cut)
        step = 65536 if fault.rate is None else max(1, int(fault.rate / 20))
        for start in range(0, stop, step):
            part = content[start : min(start + step, stop)]
            self.wfile.write(part)
            self.log.sent += len(part)
            if fault.rate is not None and self.hub.closing.wait(len(part) / fault.rate):
                break
        if stop < len(content):
            self.wfile.flush()
            self._break()

    def _say(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        raw = text.encode()
        if hasattr(self, "log"):
            self.log.status = status
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _break(self) -> None:
        """Close without an end: the client sees a connection that breaks."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
