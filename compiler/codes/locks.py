"""Codes of the lock, and of what it finds."""

from mcphub_gitops.compiler.codes.code import Code, Severity

NO_PACKAGE = Code(
    name="MH401",
    summary="the package does not exist",
    explanation="The package index knows no such name, or no version of it that can be used here.",
)
STALE_LOCK = Code(
    name="MH402",
    summary="the lock does not fit the hub",
    explanation="`mcphub lock` writes the lock anew; nothing else does.",
)
NOT_LOCKED = Code(
    name="MH403",
    summary="not locked yet",
    explanation=(
        "Tool names, filters and collisions are checked against what `mcphub lock` has read from the servers. "
        "`mcphub plan` and `mcphub lock --check` take a lock that does not fit as an error."
    ),
    severity=Severity.NOTE,
)
DEFINITIONS = Code(
    name="MH404",
    summary="the readable tool definitions differ from the lock",
    explanation="`mcp-hub.tools/SERVER.json` holds the text behind the lock's fingerprints; both are written together.",
)
NO_TOOLS = Code(
    name="MH405",
    summary="the server has no tools",
    explanation=(
        "A server that serves nothing is most often one that was started wrongly. One that has no tools for a reason "
        "says so with `tools: {none: REASON}`."
    ),
)
TOOL_TWICE = Code(
    name="MH406",
    summary="the server offers one tool name twice",
    explanation="Which of the two a call would reach is the server's secret, so neither can be locked.",
)
CONFLICT = Code(
    name="MH407",
    summary="the lock holds conflict markers",
    explanation=(
        "Two branches changed the same server's entry, or the definitions of its tools. `mcphub lock --resolve` takes "
        "what changed on one side from there, and asks a server anew that changed on both."
    ),
)
UNKNOWN_TOOLS = Code(
    name="MH409",
    summary="the catalog names no tools of the server",
    explanation=(
        "With `definitions: {from: catalog}` the lock has the tools that the catalog's entry names, and the gateway "
        "serves no other. An entry that names none leaves nothing to lock."
    ),
)
HAS_TOOLS = Code(
    name="MH410",
    summary="the server has tools, and is declared to have none",
    explanation="`tools: {none: REASON}` stands for a server without tools; what it offers since is looked at first.",
)
NO_IMAGE = Code(
    name="MH408",
    summary="the image does not exist",
    explanation="The registry has no image of that name, or none under that tag or digest.",
)
UNCHECKED = Code(
    name="MH413",
    summary="the lock was used unchecked",
    explanation=(
        "With `--frozen` the lock counts as it is: what the hub asks for otherwise by now, such as a newer version, is "
        "not told. `mcphub lock --check` tells it."
    ),
    severity=Severity.WARNING,
)
UNBINDABLE = Code(
    name="MH414",
    summary="the lock has nothing to run this server from",
    explanation=(
        "`--frozen` takes what is locked for what the hub declares, as far as that is possible: a server that is not "
        "locked, or locked as something of another kind, cannot run."
    ),
)
OFFLINE = Code(
    name="MH415",
    summary="it cannot be locked without the network",
    explanation=(
        "With `--offline` everything is answered from the lock, from the caches of this machine and from the digests "
        "that the hub and its catalogs declare."
    ),
)
HELD = Code(
    name="MH416",
    summary="the update leaves it as it is",
    explanation=(
        "The hub itself says which version or digest is meant, or what there is now is younger than `--min-age` (or "
        "`defaults.minAge`) allows. The age of an image is what its builder wrote into it, that of a commit what its "
        "committer did: both can be invented, and a package's is the index's own."
    ),
    severity=Severity.NOTE,
)
