"""What servers may do and get, compared; additions first."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from mcphub_gitops.compiler.plan.admission import OPERATOR, OPERATORS_REACH, describe_admission, is_admission, is_token
from mcphub_gitops.compiler.plan.permission import PERMISSIONS, describe_permission
from mcphub_gitops.compiler.plan.plan import Change, FieldChange
from mcphub_gitops.compiler.resolve.confinement import is_root
from mcphub_gitops.compiler.review.model import Permission
from mcphub_gitops.compiler.review.place import place_of
from mcphub_gitops.compiler.review.side import Facts, Side

KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "capabilities": ("1 right on its host", "{} rights on its host"),
        "admission": ("another way in", "other ways in"),
        "secrets": ("1 secret", "{} secrets"),
        "egress": ("network access", "network access"),
        "remote": ("another address", "other addresses"),
        "tool checks": ("leave to change its tools", "leave to change its tools"),
        "mounts": ("1 mount", "{} mounts"),
        "files": ("1 grant of files", "{} grants of files"),
        "user": ("another user", "another user"),
        "image source": ("another image", "other images"),
        "program": ("another program", "other programs"),
        "gateway address": ("another address", "other addresses"),
    }
)
"""The kinds of permissions, the worst first, each as what a server gets: of one, and of several."""

_KIND_OF: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("privileged", "pid", "ipc", "capability", "root"), "capabilities"),
        **dict.fromkeys(("secrets", "secretFiles", "store"), "secrets"),
        **dict.fromkeys(("url", "private", "transport"), "remote"),
        **dict.fromkeys(("read", "write"), "files"),
        **dict.fromkeys(("listen", "publicUrl"), "gateway address"),
        **dict.fromkeys(("call", "command", "package"), "program"),
        "byName": "tool checks",
        "network": "egress",
        "mount": "mounts",
        "user": "user",
        "image": "image source",
    }
)
_PROCESS_NETWORK = "host (a process has this machine's)"
_OF_LOCKS = frozenset({"image source", "program", "user"})
_MARKS = ("+", "~", "-")
_ADDRESSES = frozenset({"listen", "publicUrl"})


def compare_permissions(before: Side, after: Side, changes: Iterable[Change]) -> tuple[Permission, ...]:
    """Return what differs, additions first, then the worst kinds; `changes` are those of the servers."""
    found = [each for change in changes for each in _of_server(before, after, change)]
    found.extend(_of_gateway(before, after))
    order = {kind: number for number, kind in enumerate(KINDS)}
    return tuple(sorted(found, key=lambda each: (_MARKS.index(each.mark), order[each.kind], each.server, each.fact)))


def is_gain(permission: Permission) -> bool:
    """Tell whether somebody may do or gets more: what is new, and what became something else that is not less."""
    before, after = permission.before, permission.after
    if before is None or after is None:
        return after is not None
    if permission.fact.partition(".")[0] == "user":
        return is_root(after) or not is_root(before)
    if permission.fact == "network":
        return not before.startswith("host")
    return not (permission.kind == "mounts" and after == before.replace(", writable)", ", read-only)"))


def unchanged_kinds(permissions: Iterable[Permission], side: Side) -> tuple[str, ...]:
    """Return the kinds that no permission speaks of, of those that a side tells anything about."""
    changed = {each.kind for each in permissions}
    return tuple(kind for kind in KINDS if kind not in changed and (side.kind != "lock" or kind in _OF_LOCKS))


def describe(fact: str, value: str) -> str:
    """Return a permission in words; `value` is somebody's raw text."""
    kind = fact.partition(".")[0]
    if is_admission(fact):
        return describe_admission(fact, value)
    if fact == OPERATOR:
        return value
    if kind == "network" and value.startswith("host"):
        return f"the network of the {value}"
    if kind == "user" and is_root(value):
        return f"running as root ({value})"
    if kind in PERMISSIONS:
        return describe_permission(fact, value)
    return f"{_PLAIN[kind]} {value}"


_PLAIN = {
    "call": "running in each call",
    "byName": "tools that are held to their names alone, because",
    "command": "running",
    "package": "the package",
    "transport": "speaking",
}


def image_source(image: str) -> str:
    """Return where an image comes from: its name with the registry, without tag and digest."""
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def _package_source(package: str) -> str:
    if package.startswith("npm:"):
        return package.rpartition("@")[0] if package.rfind("@") > len("npm:") else package
    return package.partition("==")[0]


_SOURCES = {"image": image_source, "package": _package_source}
"""What counts of a fact: another version of the same is no other permission."""


def facts_for_review(side: Side, name: str) -> Facts:
    """Return the facts of a server, and what goes without saying: a process has the network of its machine."""
    facts = side.facts.get(name, {})
    server = side.servers.get(name)
    return {**facts, "network": _PROCESS_NETWORK} if server is not None and server.is_process else facts


def _of_server(before: Side, after: Side, change: Change) -> Iterator[Permission]:
    name = change.address.partition(".")[2]
    old = change.was.partition(".")[2] or name
    was, now = facts_for_review(before, old), facts_for_review(after, name)
    for fact in sorted({*was, *now}):
        kind = _KIND_OF.get(fact.partition(".")[0])
        if kind is None:
            continue
        source = _SOURCES.get(fact.partition(".")[0], str)
        one, other = was.get(fact), now.get(fact)
        if (one and source(one)) == (other and source(other)):
            continue
        span = place_of(after, name, fact) if other is not None else place_of(before, old, fact)
        yield Permission(server=name, kind=kind, fact=fact, before=one, after=other, span=span)


def _of_gateway(before: Side, after: Side) -> Iterator[Permission]:
    was, now = _gateway_facts(before), _gateway_facts(after)
    is_compared = before.found and after.found
    for fact in sorted({*was, *now}):
        one, other = was.get(fact), now.get(fact)
        # Of a hub that is new or gone it goes without saying that its gateway has an address.
        if one != other and (is_compared or is_admission(fact)):
            kind = "gateway address" if fact in _ADDRESSES else "admission"
            span = place_of(after if other is not None else before, "", fact)
            yield Permission(server="", kind=kind, fact=fact, before=one, after=other, span=span)


def _gateway_facts(side: Side) -> dict[str, str]:
    """Return what the gateway is given, and what its own token opens where there are no others."""
    found = {name: value for name, value in side.gateway.items() if name in _ADDRESSES or is_admission(name)}
    return found if any(map(is_token, found)) or side.kind == "lock" else {**found, OPERATOR: OPERATORS_REACH}


def gateway_changes(before: Side, after: Side) -> tuple[FieldChange, ...]:
    """Return what differs of the gateway beside its profiles and whom it lets in: its name, its address, catalogs."""
    if not before.found or not after.found:
        return ()
    told = {name for name in {*before.gateway, *after.gateway} if name.startswith("profile.") or is_admission(name)}
    names = sorted({*before.gateway, *after.gateway} - told)
    pairs = ((name, before.gateway.get(name), after.gateway.get(name)) for name in names)
    return tuple(FieldChange(name=name, before=one, after=other) for name, one, other in pairs if one != other)
