"""Two published catalogs, three months apart, each locked whole: two commits, and what a review says between them."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.entries import server_name
from bench.hubs import read_registry, write_all
from mcphub_gitops.compiler.review.markdown import MOST
from tests.support.projects import mcphub
from tests.support.repositories import commit, git
from tests.support.shared import SHARED, needs_shared_data

pytestmark = needs_shared_data

BEFORE, AFTER = "2025-11-20", "2026-02-10"
LOCKS = ("HEAD~1:mcp-hub.lock", "HEAD:mcp-hub.lock")

COUNTS = {
    "common": 268,
    "otherImage": 104,
    "otherTools": 32,
    "otherToolsSameImage": 3,
    "toolsAdded": 146,
    "toolsRemoved": 57,
    "toolsChanged": 0,
}
NEW, GONE = 44, ["postgres", "root", "tembo"]


@dataclass(frozen=True)
class Repository:
    """A repository of two commits, and what was said when each was locked."""

    folder: Path
    said: tuple[str, str]

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = mcphub(self.folder, *arguments)
        assert done.returncode == code, done.stderr
        return done

    def read(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*arguments, "--output", "json").stdout)
        return found


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("published")
    git(folder, "init", "--quiet", "--initial-branch=main")
    said = locked(folder, BEFORE), locked(folder, AFTER)
    return Repository(folder, said)


def locked(folder: Path, day: str) -> str:
    """Write the hub of a day's catalog, lock it as a user does who has no network, and commit that."""
    write_all((SHARED / f"catalog-{day}.yaml").read_bytes(), folder)
    done = mcphub(folder, "lock", "--offline")
    assert done.returncode == 0, done.stderr
    commit(folder, {".gitignore": ".mcphub/\n"})
    return done.stdout


def tools_of(day: str) -> Mapping[str, set[str]]:
    registry = read_registry((SHARED / f"catalog-{day}.yaml").read_bytes())
    return {server_name(name): {tool["name"] for tool in entry.get("tools", ())} for name, entry in registry.items()}


def check_counts(counts: Mapping[str, Any]) -> None:
    assert {name: counts[name] for name in COUNTS} == COUNTS
    assert (len(counts["added"]), counts["removed"], counts["renamed"]) == (NEW, GONE, {})


def test_a_hub_of_a_whole_catalog_is_locked_without_asking_anybody(repository: Repository) -> None:
    assert repository.said[0].startswith("Locked 271 servers without the network; 0 of them as they were.")
    assert repository.said[1].startswith("Locked 312 servers without the network; ")
    repository.run("lock", "--check")
    lock = json.loads((repository.folder / "mcp-hub.lock").read_bytes())
    assert {server["definitions"] for server in lock["servers"].values()} == {"catalog"}
    assert "Nothing has changed." in repository.run("lock", "--offline").stdout


def test_a_catalog_whose_tools_moved_makes_its_servers_stale(repository: Repository) -> None:
    git(repository.folder, "checkout", "--quiet", "HEAD~1", "--", "mcp-hub.lock", "mcp-hub.tools")
    said = repository.run("lock", "--check", code=2).stderr
    git(repository.folder, "checkout", "--quiet", "HEAD", "--", "mcp-hub.lock", "mcp-hub.tools")
    assert said.count("is locked with other tools than its catalog's entry has now") == COUNTS["otherToolsSameImage"]


def test_the_difference_of_two_commits_counts_what_differs(repository: Repository) -> None:
    found = repository.read("diff", "HEAD~1", "HEAD")
    check_counts(found["counts"])
    was, now = tools_of(BEFORE), tools_of(AFTER)
    told = {action: set[tuple[str, str]]() for action in ("added", "removed")}
    for each in found["tools"]:
        told[each["action"]].add((each["server"], each["tool"]))
    assert told["added"] == {(server, tool) for server in now for tool in now[server] - was.get(server, set())}
    assert told["removed"] == {(server, tool) for server in was for tool in was[server] - now.get(server, set())}
    created = {each["server"] for each in found["servers"] if each["action"] == "create"}
    assert created == now.keys() - was.keys() == set(found["counts"]["added"])


def test_the_difference_of_two_locks_and_a_review_of_the_folder_count_the_same(repository: Repository) -> None:
    check_counts(repository.read("diff", *LOCKS)["counts"])
    check_counts(repository.read("plan", "--against", "HEAD~1")["counts"])


def test_the_text_leaves_nothing_out(repository: Repository) -> None:
    text = repository.run("diff", "HEAD~1", "HEAD").stdout
    tools = "104 with a new image, 32 with a changed tool set (3 of them without a new image); tools +146, -57, ~0"
    assert f"servers +44, -3, 111 of 268 common ones changed: {tools}\n" in text
    assert "left out" not in text
    new = tools_of(AFTER).keys() - tools_of(BEFORE).keys()
    assert all(f" {name} " in text or f" {name}\n" in text or f" {name}:" in text for name in new)


def test_the_comment_is_collapsed_under_its_cap_and_says_what_it_leaves_out(repository: Repository) -> None:
    comment = repository.run("plan", "--against", "HEAD~1", "--output", "markdown").stdout
    assert len(comment) <= MOST == 60_000
    shown = comment.count("<details>")
    assert shown == comment.count("</details>") == comment.count("<summary>")
    assert f"{NEW + 3 + 111 - shown} more servers are left out here: `mcphub plan --against 'HEAD~1'` prints" in comment
    assert "servers +44, -3, 111 of 268 common ones changed" in comment.split("####")[0]
    assert max(map(len, comment.splitlines())) < 1_500
