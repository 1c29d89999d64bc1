"""How many of a thing a document may have: enough for any hub, and too few to wear out who reads it."""

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.syntax import ListNode, MapNode, Node

MAX_CATALOG_BYTES = 32 * 1024 * 1024
MAX_SERVERS = 10_000
MAX_TOOLS = 100_000


def find_excess(root: Node, servers_key: str) -> tuple[Diagnostic, ...]:
    """Return the first server, and the first tool, that is one too many below `servers_key` of `root`.

    A document with any is not looked at any further. `tools` of a server are a list, or a mapping by name.
    """
    entry = root.get(servers_key) if isinstance(root, MapNode) else None
    servers = entry.value.entries if entry is not None and isinstance(entry.value, MapNode) else ()
    problems = []
    if len(servers) > MAX_SERVERS:
        detail = f"There are {len(servers):,} servers; {MAX_SERVERS:,} are allowed."
        problems.append(Diagnostic(code=codes.TOO_MANY, detail=detail, span=servers[MAX_SERVERS].key_span))
    count = 0
    for server in servers:
        tools = _tools(server.value)
        if count + len(tools) > MAX_TOOLS:
            detail = f"This is tool {MAX_TOOLS + 1:,}; {MAX_TOOLS:,} are allowed."
            problems.append(Diagnostic(code=codes.TOO_MANY, detail=detail, span=tools[MAX_TOOLS - count].span))
            break
        count += len(tools)
    return tuple(problems)


def _tools(server: Node) -> tuple[Node, ...]:
    entry = server.get("tools") if isinstance(server, MapNode) else None
    found = entry.value if entry is not None else None
    if isinstance(found, ListNode):
        return found.items
    return tuple(each.value for each in found.entries) if isinstance(found, MapNode) else ()
