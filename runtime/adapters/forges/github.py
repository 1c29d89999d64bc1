"""GitHub, as its REST API (version 2022-11-28) speaks of pull requests, their reviews and their comments."""

import base64
import gzip
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from mcphub_gitops.compiler.approval import MergedChange, Opinion, Verdict
from mcphub_gitops.runtime.adapters.forges.connection import ForgeConnection
from mcphub_gitops.runtime.ports import PutComment

_VERDICTS: Final[Mapping[str, Verdict]] = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "refused",
    "DISMISSED": "withdrawn",
}
_MAY_WRITE: Final = ("admin", "maintain", "write")


class GitHub:
    """One repository (``OWNER/NAME``); a `Forge`."""

    def __init__(self, *, api: str, repository: str, token: str) -> None:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._api = ForgeConnection(api, headers, name="GitHub")
        self._path = f"/repos/{quote(repository)}"

    def put_comment(self, number: int, marker: str, text: str, *, is_news: bool) -> PutComment:
        """See `ports.Forge`. Only a comment of the token's own user, or of a bot, is taken for the one."""
        user = self._api.get("/user")
        own = user.get("login") if isinstance(user, Mapping) else None
        for comment in self._api.pages(f"{self._path}/issues/{number}/comments"):
            author = comment.get("user") or {}
            if _text(comment, "body").startswith(marker) and (
                author.get("type") == "Bot" or (own is not None and author.get("login") == own)
            ):
                if _text(comment, "body").replace("\r\n", "\n").rstrip() == text.rstrip():
                    return PutComment(address=_text(comment, "html_url"), action="unchanged")
                path = f"{self._path}/issues/comments/{int(comment['id'])}"
                found = self._api.send("PATCH", path, {"body": text})
                return PutComment(address=_text(found, "html_url"), action="updated")
        if not is_news:
            return PutComment(address="", action="none")
        found = self._api.send("POST", f"{self._path}/issues/{number}/comments", {"body": text})
        return PutComment(address=_text(found, "html_url"), action="written")

    def find_merged(self, commit: str) -> MergedChange | None:
        """See `ports.Forge`."""
        for pull in self._api.pages(f"{self._path}/commits/{quote(commit)}/pulls"):
            if pull.get("merged_at") and pull.get("merge_commit_sha") == commit:
                return self._change(pull)
        return None

    def upload_sarif(self, data: bytes, *, commit: str, ref: str) -> str:
        """Hand a SARIF document to code scanning; return the upload's identifier. Raises RuntimeFailure."""
        packed = base64.b64encode(gzip.compress(data, mtime=0)).decode()
        answer = self._api.send(
            "POST",
            f"{self._path}/code-scanning/sarifs",
            {"commit_sha": commit, "ref": ref, "sarif": packed, "tool_name": "mcphub"},
        )
        return _text(answer, "id")

    def _change(self, pull: Mapping[str, Any]) -> MergedChange:
        number = int(pull["number"])
        opinions = tuple(self._opinions(number))
        return MergedChange(
            number=number,
            author=pull["user"]["login"],
            head=pull["head"]["sha"],
            opinions=opinions,
            writers=frozenset(who for who in {each.who for each in opinions} if self._may_write(who)),
        )

    def _opinions(self, number: int) -> Iterator[Opinion]:
        """Yield what reviews say; a mere comment neither gives nor takes an approval."""
        for review in self._api.pages(f"{self._path}/pulls/{number}/reviews"):
            verdict = _VERDICTS.get(_text(review, "state"))
            user = review.get("user")
            if verdict is not None and isinstance(user, Mapping):
                yield Opinion(who=_text(user, "login"), verdict=verdict, commit=_text(review, "commit_id"))

    def _may_write(self, who: str) -> bool:
        found = self._api.get(f"{self._path}/collaborators/{quote(who, safe='')}/permission")
        return isinstance(found, Mapping) and found.get("permission") in _MAY_WRITE


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else str(value or "")
