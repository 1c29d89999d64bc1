"""GitLab, as version 4 of its REST API speaks of merge requests, their approvals and their notes."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from mcphub_gitops.compiler.approval import MergedChange, Opinion
from mcphub_gitops.runtime.adapters.forges.connection import ForgeConnection
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import PutComment

_DEVELOPER: Final = 30
"""The least access level that may write (GitLab, "Members API")."""


class GitLab:
    """One project, by its number; a `Forge`."""

    def __init__(self, *, api: str, project: str, token: str) -> None:
        self._api = ForgeConnection(api, {"PRIVATE-TOKEN": token}, name="GitLab")
        self._path = f"/projects/{quote(project, safe='')}"

    def put_comment(self, number: int, marker: str, text: str, *, is_news: bool) -> PutComment:
        """See `ports.Forge`. Only a note of the token's own user is taken for the one."""
        user = self._api.get("/user")
        own = user.get("id") if isinstance(user, Mapping) else None
        notes = f"{self._path}/merge_requests/{number}/notes"
        for note in self._api.pages(f"{notes}?sort=asc"):
            author = note.get("author") or {}
            body = note.get("body") or ""
            if body.startswith(marker) and own is not None and author.get("id") == own:
                if body.replace("\r\n", "\n").rstrip() == text.rstrip():
                    return PutComment(address=self._address(number, note), action="unchanged")
                found = self._api.send("PUT", f"{notes}/{int(note['id'])}", {"body": text})
                return PutComment(address=self._address(number, found), action="updated")
        if not is_news:
            return PutComment(address="", action="none")
        found = self._api.send("POST", notes, {"body": text})
        return PutComment(address=self._address(number, found), action="written")

    def find_merged(self, commit: str) -> MergedChange | None:
        """See `ports.Forge`."""
        for found in self._api.pages(f"{self._path}/repository/commits/{quote(commit)}/merge_requests"):
            # Which of them it is depends on how the project merges.
            commits = {found.get("merge_commit_sha"), found.get("squash_commit_sha"), found.get("sha")}
            if found.get("state") == "merged" and commit in commits:
                return self._change(found)
        return None

    def _change(self, found: Mapping[str, Any]) -> MergedChange:
        request = f"{self._path}/merge_requests/{int(found['iid'])}"
        versions = list(self._api.pages(f"{request}/versions"))
        if not versions:
            raise RuntimeFailure(f"GitLab knows no version of merge request {found['iid']}")
        last = max(versions, key=lambda version: int(version["id"]))
        opinions, writers = [], set()
        for who, user, when in self._approvals(request):
            # GitLab says when it was approved, and not which commit.
            is_last = when > _moment(str(last["created_at"]))
            head = str(last["head_commit_sha"]) if is_last else ""
            opinions.append(Opinion(who=who, verdict="approved", commit=head))
            if self._may_write(user):
                writers.add(who)
        return MergedChange(
            number=int(found["iid"]),
            author=str(found["author"]["username"]),
            head=str(last["head_commit_sha"]),
            opinions=tuple(opinions),
            writers=frozenset(writers),
        )

    def _approvals(self, request: str) -> Iterator[tuple[str, int, datetime]]:
        answer = self._api.get(f"{request}/approvals")
        for each in (answer or {}).get("approved_by", ()):
            if "approved_at" not in each:
                raise RuntimeFailure(
                    "this GitLab does not say when a merge request was approved",
                    detail="`approved_at` is missing, so no approval can be told from one that a push voided",
                    resolution="update GitLab",
                )
            yield str(each["user"]["username"]), int(each["user"]["id"]), _moment(str(each["approved_at"]))

    def _may_write(self, user: int) -> bool:
        member = self._api.get(f"{self._path}/members/all/{user}")
        return isinstance(member, Mapping) and int(member.get("access_level", 0)) >= _DEVELOPER

    def _address(self, number: int, note: Mapping[str, Any]) -> str:
        return f"note {note.get('id', '')} of merge request {number}"


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise RuntimeFailure(f"GitLab says `{text}` where a time is") from None
