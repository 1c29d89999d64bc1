"""Codes of what a hub says about its servers, and about the files that it is made of."""

from mcphub_gitops.compiler.codes.code import Code, Severity

TEMPLATE = Code(
    name="MH301",
    summary="the template is not understood",
    explanation=(
        "Values may hold `${vars.NAME}`, and `${env}` for the name of the environment; `$$` stands for a dollar. "
        "Nothing else begins with a dollar."
    ),
)
UNKNOWN_NAME = Code(
    name="MH302",
    summary="the name names nothing",
    explanation="A variable, file or tool that is referred to must exist.",
)
SECRET_LITERAL = Code(
    name="MH303",
    summary="a secret is given as a literal",
    explanation="What is committed is read by everyone who reads the repository. Secrets are given as references.",
)
SECRET_SCHEME = Code(
    name="MH304",
    summary="the secret reference has an unknown scheme",
    explanation=(
        "References are `env://NAME` (a variable of mcphub's own environment), `file://PATH`, `dotenv://FILE#NAME`, "
        "`exec://PROGRAM?ARGUMENT`, `store://STORE/KEY#FIELD` and `vault://MOUNT/KEY#FIELD`."
    ),
)
DUPLICATE_VARIABLE = Code(
    name="MH305",
    summary="a variable is set twice",
    explanation="A variable stands under `env` or under `secrets`, not under both.",
)
FILTER = Code(
    name="MH306",
    summary="a tool filter matches nothing",
    explanation="Every entry of `tools.allow` and `tools.deny` must match a tool that the lock knows.",
)
COLLISION = Code(
    name="MH307",
    summary="two servers expose one tool name",
    explanation="Clients see one flat list of tools, so each name may stand in it once.",
)
PATH = Code(
    name="MH308",
    summary="the path cannot be granted",
    explanation=(
        "Paths are relative to the hub's folder and stay inside it, and outside of `.mcphub`, where mcphub keeps its "
        "own files. A server may not write what decides what runs: the hub, its lock, or its own code."
    ),
)
TOOL_NAME = Code(
    name="MH309",
    summary="the tool's name cannot be served",
    explanation="Clients accept 1 to 128 letters, digits, `_`, `-` and `.` (MCP 2026-07-28, Tools).",
)
RELAXATION = Code(
    name="MH310",
    summary="a container would be given more than the baseline, without a reason",
    explanation=(
        "Containers run as a user that is not root, without capabilities and network, on a read-only root, and see "
        "nothing sensitive of the host. More than that is written under `relax` with a reason, and stands in the plan."
    ),
)
NOT_HERE = Code(
    name="MH311",
    summary="the key does not apply to how the server runs",
    explanation=(
        "An image runs as a container, a package or a command as a process. Each has keys of its own; what would have "
        "no effect is refused, so that nobody relies on it."
    ),
)
SECRET_LOCATION = Code(
    name="MH314",
    summary="the secret reference leads nowhere",
    explanation=(
        "A reference names what its scheme takes: a file and a name in it, a program, or a key of a store and a field. "
        "A path without a leading slash stays inside of the hub's folder."
    ),
)
SECRET_STORE = Code(
    name="MH315",
    summary="the secret store cannot be used",
    explanation=(
        "A store is asked over https, unless it is on this machine. What opens it is a reference to a variable, a file "
        "or a program, never a value."
    ),
)
SECRET_SOURCE = Code(
    name="MH316",
    summary="a server may change what a secret is read from",
    explanation=(
        "The program of an `exec` reference runs as the one who runs mcphub, and is not held in as servers are; and in "
        "the place of a file a server can put a link to any other file, which is then read for it. So both stand where "
        "no server of the hub may write."
    ),
)
LOOKS_SECRET = Code(
    name="MH317",
    summary="a value looks like a secret",
    explanation=(
        "The value is a URL with a password, or has a part that is as irregular as a key is. If it is secret, it "
        "belongs into a secret store, and a reference to it under `secrets`."
    ),
    severity=Severity.WARNING,
)
SET_TWICE = Code(
    name="MH340",
    summary="two files set one thing",
    explanation=(
        "The files that a hub is made of stand beside one another: which of two values counted would depend on their "
        "order, which nobody reviews. An environment stands above them, and overrides."
    ),
)
INCLUDE = Code(
    name="MH341",
    summary="the file cannot be included",
    explanation=(
        "Included files are regular files of the hub's folder, neither links nor reached through one, and none "
        "includes itself, over however many others."
    ),
)
TOO_OLD = Code(
    name="MH342",
    summary="the document needs a newer mcphub",
    explanation=(
        "Under `requires` a document says from which version of mcphub on it can be understood. An older one would "
        "take for a mistake what it does not know yet, so nothing else is told."
    ),
)
MOVED = Code(
    name="MH343",
    summary="the move cannot be",
    explanation=(
        "Under `moved` a hub says which server was renamed, so that what belonged to the old name belongs to the new "
        "one. The old name is no server any more, the new one is, and either stands in one move alone."
    ),
)
PROFILE = Code(
    name="MH344",
    summary="the profile names what the hub does not serve",
    explanation=(
        "What a profile does not name, its clients do not get, and what it denies by a name that nothing has, they "
        "get. So each of its servers stands under `servers`, each name or glob of a tool matches one that its servers "
        "serve, by the name that clients see, and each server is left with some."
    ),
)
PROFILE_PATH = Code(
    name="MH345",
    summary="the profile's path is taken",
    explanation=(
        "Each profile is an endpoint at a path of its own. The gateway keeps /mcp, where everything is served, and "
        "those under which it tells how it fares."
    ),
)
PROFILE_TOOLS = Code(
    name="MH346",
    summary="the profile has more tools than clients take",
    explanation=(
        "Some clients, and the models behind them, take 128 tools from all their servers together, and leave out the "
        "rest in silence."
    ),
    severity=Severity.WARNING,
)
CLIENT = Code(
    name="MH347",
    summary="the client's configuration cannot be written",
    explanation=(
        "Under `clients` a hub says whose configuration it keeps in files of the repository: of which program, for "
        "which profile, in which file. Each part has a place of its own, and a URL that is known when no gateway runs."
    ),
)
GROUP = Code(
    name="MH355",
    summary="nobody is in the group",
    explanation=(
        "A profile, or the whole hub, is for the groups that it names, and in a group are the tokens that name it, "
        "under `gateway.auth.tokens`. A group that no token names would let nobody in."
    ),
)
IDLE_GROUP = Code(
    name="MH356",
    summary="the group opens nothing",
    explanation=(
        "A token reaches what is for a group that it is in. A group that no profile names, and `gateway.groups` "
        "neither, opens nothing, and may be misspelt."
    ),
    severity=Severity.WARNING,
)
CLOSED = Code(
    name="MH357",
    summary="no token reaches the profile",
    explanation=(
        "Where there are tokens, a profile is for the groups that it names. One that names none is served to nobody "
        "but over standard streams, whose client needs no token."
    ),
    severity=Severity.WARNING,
)
TOKEN_SHARED = Code(
    name="MH358",
    summary="the token does not stand for one alone",
    explanation=(
        "A token says who calls. Two names with one reference cannot be told apart, and a server that is given the "
        "token as a secret of its own could call in the name of whoever it is for."
    ),
)
TOKEN_SOURCE = Code(
    name="MH359",
    summary="the token is not safe where it is",
    explanation=(
        "Whoever reads a token has what it opens, and whoever writes it lets in whom they like: a file with one stands "
        "where no server of the hub may read or write. A program of the hub's folder gives none, since the lock pins "
        "the programs of servers alone."
    ),
)
