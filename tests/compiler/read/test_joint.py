"""Changes of a document of several files: the whole says what was wanted, and one file alone is another."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcphub_gitops.compiler.read.change import Append, Change, Remove, RemoveItem, SetValue, change_plain
from mcphub_gitops.compiler.read.edit import Refused
from mcphub_gitops.compiler.read.joint import Joint, edit_joint
from tests.support.changes import cut, less, more, put

OWN = """\
# Ours.
name: acme
include: [teams/*.yaml]
servers:
  a: {image: x, enabled: false}   # one
  b: {tools: {allow: [p, q], deny: [r]}}
"""
TEAM = """\
servers:
  c: {image: y}
  b: {prefix: z}
gateway: {listen: here}
owner: them
"""
OVER = "servers: {a: {tools: {deny: [s]}}, c: {enabled: false}}\n"
FILES = {"hub.yaml": OWN, "teams/one.yaml": TEAM}
OFF = False
LAYERED = Joint(texts={**FILES, "environments/prod.yaml": OVER}, over="environments/prod.yaml")


def changed(joint: Joint, *changes: Change) -> dict[str, str]:
    """Return the texts that differ."""
    after = edit_joint(joint, *changes)
    assert not isinstance(after, Refused), after
    assert list(after) == list(joint.texts)
    return {name: text for name, text in after.items() if text != joint.texts[name]}


@pytest.mark.parametrize(
    ("change", "file", "before", "after"),
    [
        (put("servers.c.enabled", OFF), "teams/one.yaml", "{image: y}", "{image: y, enabled: false}"),
        (put("servers.b.prefix", "w"), "teams/one.yaml", "{prefix: z}", "{prefix: w}"),
        (put("servers.b.image", "w"), "hub.yaml", "deny: [r]}}", "deny: [r]}, image: w}"),
        (more("servers.b.tools.deny", "t"), "hub.yaml", "[r]", "[r, t]"),
        (less("servers.b.tools.deny", "r", 2), "hub.yaml", ", deny: [r]", ""),
        (cut("servers.c"), "teams/one.yaml", "  c: {image: y}\n", ""),
        (cut("servers.a.enabled", 2), "hub.yaml", ", enabled: false", ""),
        (put("gateway.listen", "there"), "teams/one.yaml", "listen: here", "listen: there"),
        (put("owner", "us"), "teams/one.yaml", "owner: them", "owner: us"),
        (put("gateway.publicUrl", "u"), "hub.yaml", "deny: [r]}}\n", "deny: [r]}}\ngateway:\n  publicUrl: u\n"),
        (put("servers.d", {"image": "w"}), "hub.yaml", "deny: [r]}}\n", "deny: [r]}}\n  d:\n    image: w\n"),
    ],
)
def test_a_change_is_made_in_the_file_that_has_what_it_is_about(
    change: Change, file: str, before: str, after: str
) -> None:
    joint = Joint(texts=FILES)
    assert before in joint.texts[file]
    assert changed(joint, change) == {file: joint.texts[file].replace(before, after)}


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        (
            [put("servers.b.enabled", OFF)],
            f"{OVER[:-2]}, b: {{enabled: false}}}}\n",
        ),
        ([cut("servers.c.enabled", 2)], "servers: {a: {tools: {deny: [s]}}}\n"),
        ([cut("servers.a.enabled", 2)], "servers: {a: {tools: {deny: [s]}, enabled: null}, c: {enabled: false}}\n"),
        ([cut("servers.c")], "servers: {a: {tools: {deny: [s]}}, c: null}\n"),
        ([more("servers.a.tools.deny", "t")], "servers: {a: {tools: {deny: [s, t]}}, c: {enabled: false}}\n"),
        ([less("servers.a.tools.deny", "s", 2)], "servers: {c: {enabled: false}}\n"),
        (
            [less("servers.b.tools.allow", "p", 2), more("servers.b.tools.allow", "t")],
            "servers: {a: {tools: {deny: [s]}}, c: {enabled: false}, b: {tools: {allow: [q, t]}}}\n",
        ),
        (
            [less("servers.b.tools.deny", "r", 2)],
            "servers: {a: {tools: {deny: [s]}}, c: {enabled: false}, b: {tools: {deny: null}}}\n",
        ),
        ([put("name", "other")], "servers: {a: {tools: {deny: [s]}}, c: {enabled: false}}\nname: other\n"),
    ],
)
def test_the_file_over_the_others_takes_all_changes_in_its_own_words(changes: list[Change], after: str) -> None:
    assert changed(LAYERED, *changes) == {LAYERED.over: after}


@pytest.mark.parametrize(
    ("joint", "change", "why"),
    [
        (Joint(texts=FILES), cut("servers.b"), "other files than `hub.yaml` say something of `servers.b` as well"),
        (Joint(texts=FILES), cut("servers.z"), "it has no `servers.z`"),
        (Joint(texts=FILES), put("servers.a.image.x", 1), "`servers.a.image` is not a mapping"),
        (LAYERED, put("servers.b.tools", {"deny": ["x"]}), "say something of `servers.b.tools` as well"),
        (Joint(texts={**FILES, "b.yaml": "name: other\n"}), put("owner", "x"), "its files contradict one another"),
        (Joint(texts={**FILES, "b.yaml": "- x\n"}), put("owner", "x"), "its files contradict one another"),
        (Joint(texts={**FILES, "b.yaml": "a: [\n"}), put("owner", "x"), "it has mistakes of its own"),
        (Joint(texts={**FILES, "b.yaml": "vars: {k: 1}\t\n"}), put("vars.k", 2), "not all readers of YAML take it"),
    ],
)
def test_what_cannot_be_changed_is_refused_with_the_reason(joint: Joint, change: Change, why: str) -> None:
    found = edit_joint(joint, change)
    assert isinstance(found, Refused), found
    assert why in found.reason


def test_one_file_is_changed_as_by_itself() -> None:
    joint = Joint(texts={"hub.yaml": OWN})
    assert changed(joint, put("servers.a.env", {})) == {"hub.yaml": OWN.replace("false}", "false, env: {}}")}
    assert isinstance(edit_joint(joint, cut("servers.z")), Refused)


def test_what_is_so_already_changes_nothing() -> None:
    assert changed(LAYERED, put("servers.c.enabled", OFF), put("owner", "them")) == {}


NAMES = st.sampled_from(["a", "b", "c"])
ITEMS = st.lists(st.sampled_from(["p", "q", "r"]), min_size=1, max_size=3, unique=True)
SERVER = st.fixed_dictionaries({}, optional={"prefix": st.sampled_from(["x", "y"]), "deny": ITEMS, "on": st.booleans()})
SERVERS = st.dictionaries(NAMES, SERVER, max_size=3)


def written(servers: Mapping[str, Mapping[str, Any]], *, compact: bool) -> str:
    if compact or not servers:
        entries = ", ".join(f"{name}: {_flow(server)}" for name, server in servers.items())
        return f"servers: {{{entries}}}  # all\n"
    lines = [f"  # of {name}\n  {name}: {_flow(server)}\n" for name, server in servers.items()]
    return f"servers:\n{''.join(lines)}"


def _flow(server: Mapping[str, Any]) -> str:
    shown = (f"{key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in server.items())
    return f"{{{', '.join(shown)}}}".replace("'", "")


@st.composite
def joints(draw: st.DrawFn) -> Joint:
    """Draw a document of two files that do not contradict one another, perhaps with a third over them."""
    own, team, over = draw(SERVERS), draw(SERVERS), draw(SERVERS)
    beside = {
        name: {key: each for key, each in server.items() if key not in own.get(name, {})}
        for name, server in team.items()
    }
    compact = draw(st.booleans())
    texts = {"hub.yaml": written(own, compact=compact), "team.yaml": written(beside, compact=not compact)}
    if draw(st.booleans()):
        return Joint(texts=texts)
    return Joint(texts={**texts, "prod.yaml": written(over, compact=compact)}, over="prod.yaml")


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Draw what a command does to a server."""
    server = ("servers", draw(NAMES))
    path = (*server, draw(st.sampled_from(["prefix", "deny", "on"])))
    found: list[Change] = [
        SetValue(path=path, value=["q"] if path[-1] == "deny" else "w"),
        Remove(path=path, keep=2),
        Remove(path=server, keep=1),
        Append(path=(*server, "deny"), values=("w",)),
        RemoveItem(path=(*server, "deny"), value="p", keep=2),
    ]
    return draw(st.sampled_from(found))


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(joints(), changes())
def test_the_whole_says_what_the_change_of_its_data_says_and_one_file_alone_is_another(
    joint: Joint, change: Change
) -> None:
    after = edit_joint(joint, change)
    if isinstance(after, Refused):
        return
    differing = {name for name, text in after.items() if text != joint.texts[name]}
    assert len(differing) <= 1
    assert not joint.over or differing <= {joint.over}
    assert filled(Joint(texts=after, over=joint.over).whole()) == filled(change_plain(joint.whole(), change))


def filled(found: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """Return `found` without mappings that hold nothing."""
    if not isinstance(found, dict):
        return found
    kept = {key: filled(each) for key, each in found.items()}
    return {key: each for key, each in kept.items() if each != {}}
