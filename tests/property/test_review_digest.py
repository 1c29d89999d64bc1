"""What a reviewer approves changes the review digest, and what has no effect does not."""

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.compilation import compile_hub, open_lock
from mcphub_gitops.compiler.enforcement import enforce
from mcphub_gitops.compiler.lock.definitions import write_definitions
from mcphub_gitops.compiler.lock.file import write_lock
from mcphub_gitops.compiler.lock.freshness import locked_files
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.validation import open_document, understand
from tests.support.hubs import lock_of

HEAD = """\
apiVersion: mcphub/v1
name: acme
owner: platform
defaults: {run: process}
policies: [policies/*.yaml]
profiles:
  few: {servers: [time]}
servers:
"""
SERVERS = {
    "notes": 'notes: {command: [python3, srv/notes.py], env: {LEVEL: info}, secrets: {KEY: "env://KEY"}}',
    "search": 'search: {image: "registry.example/search:3", owner: finders}',
    "time": 'time: {package: "pypi:mcp-server-time@1", tools: {deny: [convert]}}',
}
TOOLS = {"notes": ("add", "list"), "search": ("find",), "time": ("now", "convert")}
POLICY = """\
apiVersion: mcphub/policy/v1
rules:
  - {name: calm, level: deny-unless-approved, match: {kind: server}, deny: server.privileged, message: calm, help: x}
  - {name: few, level: warn, match: {kind: hub, when: "true"}, deny: "hub.toolCount > 90", message: too many}
tags:
  - {tag: own, kind: server, when: "server.owner != ''"}
waivers:
  - {rule: calm, subject: notes, owner: us, reason: why not, expires: 2999-12-31}
tests:
  - {name: a, given: [{server: {privileged: true}}], expect: {calm: denied}}
"""
Edit = Callable[[LockedServer], LockedServer]


def hub(*, names: tuple[str, ...] = ("notes", "search", "time"), text: str = "") -> str:
    return text or HEAD + "".join(f"  {SERVERS[name]}\n" for name in names)


def review(
    text: str = "", policy: str = POLICY, *, edit: Edit | None = None, day: str = "2026-06-15", file: str = "a"
) -> str:
    return compiled(text or hub(), policy, edit=edit, day=day, file=file).review_digest()


def compiled(text: str, policy: str, *, edit: Edit | None = None, day: str = "2026-06-15", file: str = "a") -> Desired:
    validated = understand(open_document("mcp-hub.yaml", text.encode()))
    assert validated.hub is not None, validated.diagnostics
    lock, definitions = lock_of(validated.hub, TOOLS)
    if edit is not None:
        lock = Lock(servers=MappingProxyType({**lock.servers, "search": edit(lock.servers["search"])}))
    files = {path: digest(path.encode()) for server in validated.hub.servers for path in locked_files(server)}
    read = {name: (f"{name}.json", write_definitions(definitions[name])) for name in lock.servers}
    found = compile_hub(validated, open_lock("mcp-hub.lock", write_lock(lock)), read, files, locked=True)
    names = {each.value: {f"policies/{file}.yaml": policy.encode()} for each in validated.hub.policies}
    enforced = enforce(found, validated.hub, names, day)
    assert enforced.desired is not None, enforced.diagnostics
    return enforced.desired


PLAIN = review()

EDITS: dict[str, Any] = {
    "era": "legacy",
    "platforms": MappingProxyType({"linux/amd64": digest(b"x")}),
    "user": "1000:1000",
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LEVEL: info", "LEVEL: warn"),
        ("env://KEY", "env://OTHER"),
        ("{deny: [convert]}", "{deny: [now]}"),
        ("{deny: [convert]}", "{deny: [convert], rename: {now: then}}"),
        ("owner: platform", "owner: others"),
        ("owner: finders", "owner: seekers"),
        ("few: {", "few: {path: /a, "),
        ("servers:\n  notes", "moved: [{from: memos, to: notes}]\nservers:\n  notes"),
        ("name: acme", "name: acme\ngateway: {listen: '127.0.0.1:9000'}"),
        ("policies: [policies/*.yaml]\n", ""),
    ],
)
def test_what_has_an_effect_in_the_hub_changes_it(old: str, new: str) -> None:
    text = hub()
    assert old in text
    assert review(text.replace(old, new)) != PLAIN


@pytest.mark.parametrize("fact", EDITS)
def test_what_the_lock_pins_beside_desired_state_changes_it(fact: str) -> None:
    assert review(edit=lambda server: replace(server, **{fact: EDITS[fact]})) != PLAIN


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("server.privileged", "server.hostPid"),
        ("level: warn", "level: deny"),
        ('when: "true"', 'when: "hub.serverCount > 1"'),
        ("server.owner != ''", "server.owner == ''"),
        ("2999-12-31", "2999-12-30"),
        ("subject: notes", "subject: time"),
        ("why not", "because"),
        ("message: calm", "message: be calm"),
        ("help: x", "help: y"),
    ],
)
def test_what_a_policy_says_changes_it(old: str, new: str) -> None:
    assert old in POLICY
    assert review(policy=POLICY.replace(old, new)) != PLAIN


@given(st.permutations(sorted(SERVERS)))
def test_the_order_of_servers_does_not(names: list[str]) -> None:
    assert review(hub(names=tuple(names))) == PLAIN


@given(st.sampled_from(range(hub().count("\n"))), st.text("ab #:{}", max_size=8))
def test_a_comment_or_an_empty_line_in_the_hub_does_not(line: int, words: str) -> None:
    lines = hub().splitlines()
    lines[line:line] = [f"# {words}", ""]
    assert review("\n".join(lines) + "\n") == PLAIN


@given(st.sampled_from(range(POLICY.count("\n"))), st.text("ab #:{}", max_size=8))
def test_a_comment_or_an_empty_line_in_a_policy_does_not(line: int, words: str) -> None:
    lines = POLICY.splitlines()
    lines[line:line] = [f"# {words}", ""]
    assert review(policy="\n".join(lines) + "\n") == PLAIN


def test_neither_do_tests_of_policies_their_order_their_file_nor_the_day() -> None:
    assert review(policy=POLICY.partition("tests:")[0]) == PLAIN
    rules = POLICY.splitlines(keepends=True)
    rules[2], rules[3] = rules[3], rules[2]
    assert review(policy="".join(rules)) == PLAIN
    assert review(file="b", day="2026-12-31") == PLAIN


def test_a_move_that_was_made_may_go_from_the_hub_and_nothing_is_to_do() -> None:
    text = hub().replace("servers:\n  notes", "moved: [{from: memos, to: notes}]\nservers:\n  notes")
    assert compiled(text, POLICY).state_digest() == compiled(hub(), POLICY).state_digest()
