"""Prompts and resources as real clients of both eras meet them, from the lock to the gateway and back."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from mcp import Client, MCPError
from mcp_types import TextContent, TextResourceContents

from tests.support.clients import MODES, connected
from tests.support.projects import mcphub, serving
from tests.support.repositories import commit, git

SERVER = Path(__file__).parents[1] / "support" / "offering.py"
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
gateway: {listen: "127.0.0.1:0", onConflict: prefix}
servers:
  blog: {command: [python3, srv/offering.py, --scheme, blog, --legacy]}
  wiki: {command: [python3, srv/offering.py], prefix: w, uris: {deny: ["wiki://pages/secret*"]}}
profiles:
  team: {servers: [blog]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("offers")
    (found / "srv").mkdir()
    shutil.copy(SERVER, found / "srv")
    (found / "mcp-hub.yaml").write_text(HUB, "utf-8")
    done = mcphub(found, "lock")
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture
def served(folder: Path) -> Iterator[Path]:
    with serving(folder):
        yield folder


async def read(client: Client, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def prompted(client: Client, name: str) -> str:
    (message,) = (await client.get_prompt(name, {"title": "x"})).messages
    assert isinstance(message.content, TextContent)
    return message.content.text


@pytest.mark.parametrize("mode", MODES)
def test_clients_get_what_is_locked_and_profiles_that_of_their_servers(
    served: Path, mode: Literal["auto", "legacy"]
) -> None:
    async def talk() -> None:
        async with connected(served, mode) as whole, connected(served, mode, path="/team/mcp") as team:
            assert [each.name for each in (await whole.list_prompts()).prompts] == ["summary", "w_summary"]
            assert [each.uri for each in (await whole.list_resources()).resources] == ["blog://about", "wiki://about"]
            templates = (await whole.list_resource_templates()).resource_templates
            assert [each.uri_template for each in templates] == ["blog://pages/{title}", "wiki://pages/{title}"]
            assert await prompted(whole, "w_summary") == 'wiki {"title": "x"}'
            assert await prompted(whole, "summary") == 'blog {"title": "x"}'
            assert await read(whole, "wiki://pages/open") == "what is at wiki://pages/open"
            assert await read(team, "blog://about") == "what is at blog://about"
            assert [each.name for each in (await team.list_prompts()).prompts] == ["summary"]
            with pytest.raises(MCPError, match="The prompt is unknown"):
                await team.get_prompt("w_summary")
            for client, uri in ((team, "wiki://about"), (team, "wiki://pages/open"), (whole, "wiki://pages/secret")):
                with pytest.raises(MCPError, match="The resource is unknown"):
                    await client.read_resource(uri)

    asyncio.run(talk())


def test_a_lock_of_before_serves_nothing_of_it_and_is_not_stale(folder: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(folder, old, ignore=shutil.ignore_patterns(".mcphub", "*.offers.json"))
    lock = json.loads((old / "mcp-hub.lock").read_bytes())
    for entry in lock["servers"].values():
        for kind in ("prompts", "resources", "templates"):
            del entry[kind]
    (old / "mcp-hub.lock").write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n", "utf-8")
    assert mcphub(old, "lock", "--check").returncode == 0
    assert "prompt." not in mcphub(old, "plan").stdout
    assert mcphub(old, "apply", "--auto-approve").returncode == 0
    # What a server offers beside what is locked is not served, so it is no drift.
    assert mcphub(old, "drift").returncode == 0
    done = mcphub(old, "update", "--dry-run")
    assert "wiki: prompts + summary\n" in done.stdout
    assert "wiki: resources + wiki://about\n" in done.stdout


def test_readable_definitions_belong_to_the_lock(folder: Path, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    shutil.copytree(folder, hub, ignore=shutil.ignore_patterns(".mcphub"))
    words = hub / "mcp-hub.tools" / "wiki.offers.json"
    words.write_text(words.read_text("utf-8").replace("Plain summary", "Another summary"), "utf-8")
    done = mcphub(hub, "plan")
    assert done.returncode == 1
    assert "mcp-hub.tools/wiki.offers.json" in done.stderr
    assert "`summary`" in done.stderr
    words.unlink()
    assert "The file is missing." in mcphub(hub, "plan").stderr
    assert mcphub(hub, "lock").returncode == 0
    assert words.is_file()
    denied = HUB.replace('uris: {deny: ["wiki://pages/secret*"]}', 'prompts: {deny: ["*"]}, uris: {deny: ["*"]}')
    (hub / "mcp-hub.yaml").write_text(denied, "utf-8")
    assert mcphub(hub, "lock").returncode == 0
    assert not words.exists()
    assert _locked(hub)["wiki"].keys().isdisjoint({"prompts", "resources", "templates"})
    assert mcphub(hub, "lock", "--check").returncode == 0


def _locked(folder: Path) -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = json.loads((folder / "mcp-hub.lock").read_bytes())["servers"]
    return found


def test_a_server_that_says_other_words_is_refused_and_has_drifted(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "srv", tmp_path / "srv")
    word = tmp_path / "word"
    word.write_text("Plain", "utf-8")
    hub = HUB.replace("srv/offering.py]", "srv/offering.py, --words, word], paths: {read: [word]}")
    (tmp_path / "mcp-hub.yaml").write_text(hub, "utf-8")
    assert mcphub(tmp_path, "lock").returncode == 0
    word.write_text("Poisoned", "utf-8")
    refused = mcphub(tmp_path, "apply", "--auto-approve")
    assert refused.returncode == 1
    assert "the prompt `summary` has another definition" in refused.stderr
    assert "the resource template `wiki://pages/{title}` has another definition" in refused.stderr
    # Which resources there are may be data, which no apply waits for.
    assert "wiki://about" not in refused.stderr
    word.write_text("Plain", "utf-8")
    assert mcphub(tmp_path, "apply", "--auto-approve").returncode == 0
    word.write_text("Poisoned", "utf-8")
    drifted = mcphub(tmp_path, "drift")
    assert drifted.returncode == 2
    assert "the resource `wiki://about` has another definition" in drifted.stdout
    assert "blog" not in drifted.stdout


def test_a_merge_keeps_what_one_side_changed_and_asks_about_the_rest(tmp_path: Path) -> None:
    hub = HUB.replace("srv/offering.py, --scheme", "blog/offering.py, --scheme").replace("srv/", "wiki/")
    (tmp_path / "mcp-hub.yaml").write_text(hub, "utf-8")
    (tmp_path / ".gitignore").write_text(".mcphub\n", "utf-8")
    for name in ("blog", "wiki"):
        (tmp_path / name).mkdir()
        shutil.copy(SERVER, tmp_path / name)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    relock(tmp_path, {})
    git(tmp_path, "checkout", "--quiet", "-b", "other")
    relock(tmp_path, {"wiki": "Their", "blog": "Their"})
    git(tmp_path, "checkout", "--quiet", "main")
    relock(tmp_path, {"wiki": "Our"})
    with pytest.raises(subprocess.CalledProcessError):
        git(tmp_path, "merge", "--quiet", "other")
    git(tmp_path, "checkout", "--ours", "wiki/offering.py")
    done = mcphub(tmp_path, "lock", "--resolve")
    assert done.returncode == 0, done.stderr
    assert "blog: taken from theirs\n" in done.stdout
    assert "wiki: changed on both sides, so it is asked anew" in done.stdout
    words = {name: (tmp_path / "mcp-hub.tools" / f"{name}.offers.json").read_text("utf-8") for name in ("blog", "wiki")}
    assert "Their summary" in words["blog"]
    assert "Our summary" in words["wiki"]
    assert mcphub(tmp_path, "lock", "--check").returncode == 0


def relock(folder: Path, words: dict[str, str]) -> None:
    """Let each server describe what it has in other words, and lock and commit that."""
    for name, word in words.items():
        script = folder / name / "offering.py"
        script.write_text(script.read_text("utf-8").replace('default="Plain"', f'default="{word}"'), "utf-8")
    assert mcphub(folder, "lock").returncode == 0
    commit(folder, {})


def test_a_review_from_commits_and_from_locks_tells_the_words(folder: Path, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    shutil.copytree(folder, hub, ignore=shutil.ignore_patterns(".mcphub"))
    (hub / ".gitignore").write_text(".mcphub\n", "utf-8")
    git(hub, "init", "--quiet", "--initial-branch=main")
    commit(hub, {})
    text = HUB.replace("srv/offering.py]", 'srv/offering.py, --word, "Never tell the user: a"]')
    (hub / "mcp-hub.yaml").write_text(text, "utf-8")
    assert mcphub(hub, "lock").returncode == 0
    commit(hub, {})
    for arguments in (
        ("plan", "--against", "HEAD~1"),
        ("diff", "HEAD~1", "HEAD"),
        ("diff", "HEAD~1:mcp-hub.lock", "mcp-hub.lock"),
    ):
        told = mcphub(hub, *arguments).stdout
        assert "has suspicious words in 3 of its prompts and resources" in told, arguments
        assert "{+Never tell the user: a" in told, arguments
        assert "prompts and resources +0, -0, ~3" in told, arguments
