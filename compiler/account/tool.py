"""A tool: who offers it, how clients see it and why, and why it is not served where it is not."""

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from mcphub_gitops.compiler.account.statement import Asked, Statement, judged, shown
from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.plan.admission import Admission
from mcphub_gitops.compiler.plan.desired import known_tools
from mcphub_gitops.compiler.resolve.exposure import Exposed, expose
from mcphub_gitops.compiler.resolve.model import Server, Text
from mcphub_gitops.compiler.resolve.nodes import child
from mcphub_gitops.compiler.resolve.profile import WHOLE
from mcphub_gitops.compiler.source import Span


def find_tool(asked: Asked, server: Server, word: str) -> str | None:
    """Return the own name of the tool of `server` that is called `word`, by itself or by clients."""
    if word in names_of(asked, server):
        return word
    return next((each.tool for each in _exposed(asked) if each.server.name == server.name and each.name == word), None)


def find_exposed(asked: Asked, word: str) -> tuple[Server, str] | None:
    """Return the tool that clients see as `word`: its server and its own name."""
    return next(((each.server, each.tool) for each in _exposed(asked) if each.name == word), None)


def exposed_names(asked: Asked) -> tuple[str, ...]:
    """Return all names that clients see."""
    return tuple(each.name for each in _exposed(asked))


def names_of(asked: Asked, server: Server) -> tuple[str, ...]:
    """Return the own names of the tools of `server` that its lock has, else those that its catalog knows."""
    known = known_tools(asked.hub, asked.lock).get(server.name)
    return tuple(known.names) if known is not None else ()


def account_of_tool(asked: Asked, server: Server, tool: str) -> tuple[Statement, ...]:
    """Return what can be said of the tool that `server` calls `tool`."""
    found = next((each for each in _exposed(asked) if each.server.name == server.name and each.tool == tool), None)
    filters = tuple(_filters(asked, server, tool))
    return (
        Statement(topic="offered", name=server.name, text=f"by the server {server.name}", span=server.span),
        _pinned(asked, server, tool),
        _defined(asked, server, tool),
        *filters,
        *(_named(asked, found) if found is not None else ()),
        *_described(server, tool),
        *(_profiles(asked, found) if found is not None else ()),
        *judged(asked, f"{server.name}/{tool}"),
        _served(asked, server, tool, found),
        _applied(asked, server, tool),
    )


def _exposed(asked: Asked) -> tuple[Exposed, ...]:
    found, _ = expose(asked.hub, known_tools(asked.hub, asked.lock))
    return tuple(each for exposure in found for each in exposure)


def _pinned(asked: Asked, server: Server, tool: str) -> Statement:
    locked = asked.locked(server.name)
    if locked is not None and tool in locked.tools:
        return Statement(topic="locked", text=f"{asked.lock_name} has it as {locked.tools[tool]}")
    span = next((text.span for text in server.known_tools if text.value == tool), None)
    return Statement(topic="locked", text="no: it is known from the catalog alone", span=span)


def _defined(asked: Asked, server: Server, tool: str) -> Statement:
    locked = asked.locked(server.name)
    hash_ = locked.tools.get(tool, "") if locked is not None else ""
    definition = asked.definitions.get(tool)
    if locked is not None and hash_ and locked.definitions == "catalog":
        text = "not its own: its catalog names it, and it is held to its name alone; what clients see is not reviewed"
    elif not hash_:
        text = "none: its name is all that is known until it is locked"
    elif definition is None:
        text = "none: its name and fingerprint are all that is known, the readable definition is not there"
    elif fingerprint(definition) != hash_:
        text = "not the one that was locked: the readable definition has another fingerprint"
    else:
        description = definition.get("description")
        first = description.strip().partition("\n")[0] if isinstance(description, str) else ""
        text = f"whole, and as it was locked: {shown(first)}" if first else "whole, and as it was locked"
    return Statement(topic="definition", text=text)


def _filters(asked: Asked, server: Server, tool: str) -> Iterator[Statement]:
    allowing, denying = _matching(server.allow, tool), _matching(server.deny, tool)
    if allowing is not None:
        yield Statement(topic="filter", text=f"allowed by {allowing.value}", name="allow", span=allowing.span)
    elif server.allow:
        span = asked.place(server.name, "tools", "allow")
        yield Statement(topic="filter", text="none that is allowed matches it", name="allow", span=span)
    if denying is not None:
        yield Statement(topic="filter", text=f"denied by {denying.value}", name="deny", span=denying.span)
    if not server.allow and denying is None:
        yield Statement(topic="filter", text="none speaks of it, and what none denies is served")


def _matching(globs: tuple[Text, ...], tool: str) -> Text | None:
    return next((glob for glob in globs if fnmatchcase(tool, glob.value)), None)


def _named(asked: Asked, found: Exposed) -> Iterator[Statement]:
    text, span = _why_named(asked, found)
    yield Statement(topic="name", name=found.name, text=f"clients see {found.shown}: {text}", span=span)


def _why_named(asked: Asked, found: Exposed) -> tuple[str, Span | None]:
    server, tool = found.server, found.tool
    given = _given(server, tool)
    if given is not None:
        return "it is renamed", given.span
    if found.name != _prefixed(server, tool):
        node = child(asked.root, "gateway", "onConflict")
        return "another server has the name too, and onConflict is prefix", node.span if node is not None else None
    if not server.prefix:
        return "its own name", None
    span = asked.place(server.name, "prefix")
    whose = "its server's prefix" if span is not None else "the prefix that the catalog gives its server"
    return f"{whose} is {server.prefix}", span or asked.place(server.name, "from")


def _given(server: Server, tool: str) -> Text | None:
    return next((text for own, text in server.renames.items() if own.value == tool), None)


def _prefixed(server: Server, tool: str) -> str:
    return f"{server.prefix}_{tool}" if server.prefix else tool


def _described(server: Server, tool: str) -> Iterator[Statement]:
    for own, text in server.descriptions.items():
        if own.value == tool:
            yield Statement(topic="description", text="clients see the hub's own", span=text.span)


def _profiles(asked: Asked, found: Exposed) -> Iterator[Statement]:
    bound = asked.bound
    if bound is None:
        return
    if bound.admission.tokens:
        text = f"at {WHOLE} {_reached(bound.admission, bound.admission.groups)}"
        groups = child(asked.root, "gateway", "groups")
        yield Statement(topic="reached", name=WHOLE, text=text, span=groups.span if groups is not None else None)
    spans = {profile.name: profile.span for profile in asked.hub.profiles}
    for profile in bound.profiles:
        if found.name in profile.tools.get(found.server.name, ()):
            whose = f", {_reached(bound.admission, profile.groups)}" if bound.admission.tokens else ""
            text = f"{profile.name} at {profile.path} has it, too{whose}"
            yield Statement(topic="profile", name=profile.name, text=text, span=spans[profile.name])


def _reached(admission: Admission, groups: Collection[str]) -> str:
    names = admission.reaching(groups)
    return f"for the token{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else "for no token"


def _served(asked: Asked, server: Server, tool: str, found: Exposed | None) -> Statement:
    text, span = _why_served(asked, server, tool, found)
    return Statement(topic="served", text=text, span=span)


def _why_served(asked: Asked, server: Server, tool: str, found: Exposed | None) -> tuple[str, Span | None]:
    left_out = _why_left_out(asked, server, tool)
    if left_out is not None:
        return left_out
    if found is None:
        return _outdone(asked, server, tool)
    if reason := asked.why_stale(server.name):
        return f"no: its server {reason}", server.span
    rivals = [each for each in _exposed(asked) if each.name == found.name and each.server is not server]
    if rivals:
        return f"no: {rivals[0].server.name} would serve the same name, which is an error", rivals[0].server.span
    if any(each.outcome == "denied" for each in asked.verdicts):
        return "no: policies deny the hub as it is", None
    return "yes, once the hub is applied as it is here", None


def _why_left_out(asked: Asked, server: Server, tool: str) -> tuple[str, Span | None] | None:
    """Return why the hub does not want the tool served, None where it does."""
    denying = _matching(server.deny, tool)
    if not server.enabled:
        return "no: its server is not enabled", asked.place(server.name, "enabled")
    if denying is not None:
        return "no: it is denied", denying.span
    if server.allow and _matching(server.allow, tool) is None:
        return "no: others are allowed, and it is not", asked.place(server.name, "tools", "allow")
    return None


def _outdone(asked: Asked, server: Server, tool: str) -> tuple[str, Span]:
    """Return which server serves the name in its place: onConflict is first."""
    given = _given(server, tool)
    name = given.value if given is not None else _prefixed(server, tool)
    winner = next(each for each in _exposed(asked) if each.name == name)
    return f"no: {winner.server.name} comes first with that name, and onConflict is first", winner.server.span


def _applied(asked: Asked, server: Server, tool: str) -> Statement:
    running = asked.running(server.name)
    found = next((each for each in running.tools if each.upstream == tool), None) if running is not None else None
    if asked.trouble:
        text = f"unknown: {asked.trouble}"
    elif running is None:
        text = "no: its server is not applied"
    elif found is not None:
        text = f"yes, as {found.name}"
    else:
        text = "no: what is applied does not serve it"
    return Statement(topic="applied", text=text)
