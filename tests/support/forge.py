"""A stand-in for the APIs of GitHub and GitLab: as much of them as jobs ask, with what people did there as data."""

import base64
import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "forge-token-0f9a2b"  # noqa: S105  (opens nothing)
REPOSITORY = "acme/hub"
Answer = tuple[int, Any]
LOGIN = "mcphub-job"


@dataclass
class Change:
    """A pull or merge request; `reviews` are (who, state, commit) on GitHub and (who, time) on GitLab."""

    number: int
    author: str
    head: str
    merge: str = ""
    reviews: list[tuple[str, str, str]] = field(default_factory=list)
    versions: list[tuple[str, str]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Forge:
    """What the forge knows. `writers` may write; `is_app` tells that the token is that of no user."""

    url: str = ""
    changes: dict[int, Change] = field(default_factory=dict)
    writers: set[str] = field(default_factory=set)
    is_app: bool = True
    may_write: bool = True
    page: int = 100
    uploads: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    next_id: int = 1

    def comment(self, change: Change, body: str, login: str, kind: str) -> dict[str, Any]:
        """Add a comment of `login`, whose `kind` is ``Bot`` or ``User``."""
        made = {
            "id": self.next_id,
            "body": body,
            "user": {"login": login, "type": kind},
            "author": {"id": hash_of(login), "username": login},
            "html_url": f"https://forge.example/{change.number}#{self.next_id}",
        }
        self.next_id += 1
        change.comments.append(made)
        return made

    def upload(self, document: Mapping[str, Any]) -> Answer:
        packed = gzip.decompress(base64.b64decode(document["sarif"]))
        self.uploads.append({**document, "sarif": json.loads(packed)})
        return 202, {"id": f"upload-{len(self.uploads)}"}


def hash_of(login: str) -> int:
    """Return a number for a user, the same each time."""
    return sum(ord(char) << (8 * (place % 3)) for place, char in enumerate(login))


def github(forge: Forge, method: str, path: str, sent: Any) -> Answer:  # noqa: ANN401, PLR0911  (any JSON value; a return a route)
    """Answer as GitHub's REST API does."""
    repository = f"/repos/{REPOSITORY}"
    if path == "/user":
        return (403, {"message": "Resource not accessible by integration"}) if forge.is_app else (200, {"login": LOGIN})
    if method != "GET" and not forge.may_write:
        return 403, {"message": "Resource not accessible by integration"}
    if (method, path) == ("POST", f"{repository}/code-scanning/sarifs"):
        return forge.upload(sent)
    if found := re.fullmatch(rf"{repository}/issues/(\d+)/comments", path):
        change = forge.changes[int(found[1])]
        if method == "GET":
            return 200, change.comments
        return 201, forge.comment(
            change, sent["body"], *(("github-actions[bot]", "Bot") if forge.is_app else (LOGIN, "User"))
        )
    if found := re.fullmatch(rf"{repository}/issues/comments/(\d+)", path):
        return 200, edit(forge, int(found[1]), sent["body"])
    if found := re.fullmatch(rf"{repository}/commits/([0-9a-f]+)/pulls", path):
        return 200, [pull(each) for each in forge.changes.values() if each.merge == found[1] or each.head == found[1]]
    if found := re.fullmatch(rf"{repository}/pulls/(\d+)/reviews", path):
        reviews = forge.changes[int(found[1])].reviews
        return 200, [{"user": {"login": who}, "state": state, "commit_id": commit} for who, state, commit in reviews]
    if found := re.fullmatch(rf"{repository}/collaborators/([^/]+)/permission", path):
        return 200, {"permission": "write" if found[1] in forge.writers else "read"}
    return 404, {"message": "Not Found"}


def pull(change: Change) -> dict[str, Any]:
    return {
        "number": change.number,
        "user": {"login": change.author},
        "head": {"sha": change.head},
        "merged_at": "2026-11-02T10:00:00Z" if change.merge else None,
        "merge_commit_sha": change.merge or "f" * 40,
    }


def edit(forge: Forge, number: int, body: str) -> dict[str, Any]:
    comments = (each for change in forge.changes.values() for each in change.comments)
    found = next(each for each in comments if each["id"] == number)
    found["body"] = body
    return found


def gitlab(forge: Forge, method: str, path: str, sent: Any) -> Answer:  # noqa: ANN401, PLR0911  (any JSON value; a return a route)
    """Answer as version 4 of GitLab's REST API does."""
    if path == "/user":
        return 200, {"id": hash_of(LOGIN), "username": LOGIN}
    if found := re.fullmatch(r"/projects/42/merge_requests/(\d+)/notes(?:/(\d+))?", path):
        change = forge.changes[int(found[1])]
        if method == "GET":
            return 200, change.comments
        if not forge.may_write:
            return 403, {"message": "403 Forbidden"}
        return (
            (200, edit(forge, int(found[2]), sent["body"]))
            if found[2]
            else (201, forge.comment(change, sent["body"], LOGIN, "User"))
        )
    if found := re.fullmatch(r"/projects/42/repository/commits/([0-9a-f]+)/merge_requests", path):
        return 200, [request(each) for each in forge.changes.values() if found[1] in {each.merge, each.head}]
    if found := re.fullmatch(r"/projects/42/merge_requests/(\d+)/versions", path):
        versions = forge.changes[int(found[1])].versions
        listed = [{"id": n, "head_commit_sha": c, "created_at": t} for n, (c, t) in enumerate(versions)]
        return 200, listed[::-1]
    if found := re.fullmatch(r"/projects/42/merge_requests/(\d+)/approvals", path):
        given = forge.changes[int(found[1])].reviews
        return 200, {
            "approved_by": [
                {"user": {"id": hash_of(who), "username": who}, **({"approved_at": when} if when else {})}
                for who, when, _ in given
            ]
        }
    if found := re.fullmatch(r"/projects/42/members/all/(\d+)", path):
        levels = {hash_of(who): 30 for who in forge.writers}
        level = levels.get(int(found[1]))
        return (200, {"access_level": level}) if level else (404, {"message": "404 Not found"})
    return 404, {"error": "404 Not Found"}


def request(change: Change) -> dict[str, Any]:
    return {
        "iid": change.number,
        "author": {"username": change.author},
        "sha": change.head,
        "state": "merged" if change.merge else "opened",
        "merge_commit_sha": change.merge or None,
        "squash_commit_sha": None,
    }


@contextmanager
def running_forge(answer: Callable[[Forge, str, str, Any], Answer]) -> Iterator[Forge]:
    """Run `github` or `gitlab` on a free port of loopback; whoever has not TOKEN gets nothing."""
    forge = Forge()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            size = int(self.headers.get("content-length", 0))
            sent = json.loads(self.rfile.read(size)) if size else None
            parts = urlsplit(self.path)
            forge.asked.append(f"{self.command} {parts.path}")
            headers: dict[str, str] = {}
            if TOKEN not in {self.headers.get("private-token"), (self.headers.get("authorization") or " ")[7:]}:
                status, document = 401, {"message": "Bad credentials"}
            else:
                status, document = answer(forge, self.command, parts.path, sent)
            if status == 200 and isinstance(document, list):
                page = int(parse_qs(parts.query).get("page", ["1"])[0])
                if len(document) > page * forge.page:
                    headers["Link"] = f'<{forge.url}{parts.path}?page={page + 1}>; rel="next"'
                document = document[(page - 1) * forge.page : page * forge.page]
            data = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(data)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815  (the names that the library calls)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        forge.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield forge
        finally:
            server.shutdown()
            thread.join()
