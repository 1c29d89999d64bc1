"""The registry of diagnostic codes: each has a constant summary and an explanation."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a diagnostic weighs; an error cannot be silenced."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A kind of diagnostic: `name` is stable for ever, `summary` never changes with the input."""

    name: str
    summary: str
    explanation: str
    severity: Severity = Severity.ERROR


NOT_UTF8 = Code(
    name="MH101",
    summary="the document is not UTF-8 text",
    explanation=(
        "Documents are UTF-8 without a byte order mark, NUL or other control characters. Lines end with LF, or CR LF."
    ),
)
TOO_LARGE = Code(
    name="MH102",
    summary="the document is too large",
    explanation="A hub may have 4 MiB, a catalog 32 MiB; the size is checked before any parser sees the bytes.",
)
TOO_DEEP = Code(
    name="MH103",
    summary="the document is nested too deeply",
    explanation="Brackets and indentation may nest 64 levels; deeper documents crash YAML parsers.",
)
SYNTAX = Code(
    name="MH104",
    summary="the document is not valid YAML",
    explanation="The YAML parser could not read the document. Nothing after the marked place was looked at.",
)
DUPLICATE_KEY = Code(
    name="MH105",
    summary="a key is given twice",
    explanation="Most YAML parsers silently keep the last value. Remove one of the two.",
)
ALIAS = Code(
    name="MH106",
    summary="directives, anchors, aliases, merge keys and tags are not part of the language",
    explanation="They hide what a reviewer reads and can expand without bound. Repeat the value, or use `vars:`.",
)
KEY_TYPE = Code(
    name="MH107",
    summary="a key is not a plain string",
    explanation="Mapping keys are strings, numbers or booleans written as scalars; a mapping or list cannot be a key.",
)
DOCUMENTS = Code(
    name="MH108",
    summary="the file does not hold exactly one document",
    explanation="One file is one document. An empty file, or a second `---`, is refused.",
)

HIDDEN = Code(
    name="MH109",
    summary="a character cannot be seen",
    explanation=(
        "Zero-width characters, marks of the writing direction, tags and variation selectors make text read otherwise "
        "than it is. A hub has none but those that join emoji; a catalog none in a name, or a value that decides."
    ),
)
TOO_MANY = Code(
    name="MH110",
    summary="the document has too many of a thing",
    explanation="A hub or a catalog may have 10,000 servers, and 100,000 tools in all.",
)
FOREIGN_SCHEMA = Code(
    name="MH111",
    summary="the catalog's schema cannot be checked safely",
    explanation=(
        "Settings are checked in time and memory that are known before. A schema that refers to another one, is far "
        "beyond what settings need, or has a pattern that takes more than linear time to match, is refused."
    ),
)

UNKNOWN_KEY = Code(
    name="MH201",
    summary="the key is unknown",
    explanation="A key that the language does not have is refused, so that a misspelt one is never ignored.",
)
WRONG_TYPE = Code(
    name="MH202",
    summary="the value has the wrong type",
    explanation="YAML 1.2 decides the type of an unquoted value: `no` and `22:22` are strings, `1.0` is a number.",
)
MISSING_KEY = Code(
    name="MH203",
    summary="a required key is missing",
    explanation="The schema of the document names the keys that must be there.",
)
BAD_VALUE = Code(
    name="MH204",
    summary="the value is not allowed here",
    explanation="The value has the right type, but is not one of those, or not of the form, that the schema allows.",
)
CHOICE = Code(
    name="MH205",
    summary="exactly one of several keys is needed",
    explanation=(
        "A server is one thing: an entry of a catalog, a published package, a command, an image, or a remote; an entry "
        "of a catalog is an image, a remote, or tools."
    ),
)

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
CATALOG_ENTRY = Code(
    name="MH312",
    summary="the catalog's entry cannot be used",
    explanation=(
        "The entry contradicts itself, names a setting, a filter or a variable that it does not declare, or asks for "
        "what mcphub does not give. It cannot be used until its catalog is corrected."
    ),
)
SECRET_MISSING = Code(
    name="MH313",
    summary="the catalog's server needs a secret",
    explanation=(
        "Each secret of a catalog's entry that is not marked `required: false` is given under `secrets`, by the name "
        "that the catalog has for it."
    ),
)
CATALOG_SOURCE = Code(
    name="MH320",
    summary="the catalog cannot be at that place",
    explanation=(
        "A catalog is a file of the hub's folder, a file behind an https URL, or a file of a git repository. Its place "
        "holds no credentials: everybody who reads the hub reads it."
    ),
)
NOT_FETCHED = Code(
    name="MH321",
    summary="the catalog was not fetched yet",
    explanation=(
        "Catalogs of git repositories and URLs are fetched by `mcphub lock`, and, as they are locked, by `plan`, "
        "`apply` and `up`; `.mcphub/catalogs` keeps them by digest. Everything else reads what is kept, offline."
    ),
)
SEVERAL_CATALOGS = Code(
    name="MH322",
    summary="several catalogs have the server",
    explanation=(
        "Which of them is meant is said by `from: CATALOG/SERVER`, or once for all servers by an order of catalogs "
        "under `defaults.catalogs`. It is never guessed."
    ),
)
IDLE_OVERRIDE = Code(
    name="MH323",
    summary="the override changes nothing",
    explanation=(
        "An override mends what is wrong in a catalog's entry. Once that is right, it only hides what comes after."
    ),
    severity=Severity.WARNING,
)
REACH = Code(
    name="MH324",
    summary="the catalog says something else about the network",
    explanation=(
        "A catalog says which hosts a server talks to, or that it needs no network. What it gets is decided by the hub "
        "alone: nothing unless `network` says so, and with a network everything behind it."
    ),
    severity=Severity.NOTE,
)
NOT_DONE = Code(
    name="MH330",
    summary="the catalog's server needs what mcphub does not do",
    explanation=(
        "The entry may well be right: it lets people in, or is started, in a way that mcphub does not have. It is "
        "refused, so that nobody takes it for served."
    ),
)
CLIENT_NAME = Code(
    name="MH331",
    summary="some clients do not take the tool's name",
    explanation=(
        "Models take names of functions of 1 to 64 letters, digits, `_` and `-`, and some clients put the server's "
        "name and two underscores before a tool's. A tool whose name is not that is dropped, or fails the whole list."
    ),
    severity=Severity.WARNING,
)
SECRET_NAME = Code(
    name="MH332",
    summary="the catalog's secret is not named after its server",
    explanation=(
        "In stores that all servers share, `SERVER.NAME` says whose a secret is. One without it is easily given to the "
        "wrong server."
    ),
    severity=Severity.WARNING,
)
SECRET_SHARED = Code(
    name="MH333",
    summary="two servers take one secret",
    explanation="What reaches the one can be used by the other: a secret of its own can be taken from each by itself.",
    severity=Severity.WARNING,
)
WILDCARD_HOST = Code(
    name="MH334",
    summary="the catalog's server asks for every host",
    explanation="A list of hosts that holds all of them limits nothing. mcphub gives a network where the hub does.",
    severity=Severity.WARNING,
)
NO_DIGEST = Code(
    name="MH335",
    summary="the catalog's image has no digest",
    explanation="What a tag names changes. The lock pins it for this hub, but not to what the catalog meant.",
    severity=Severity.WARNING,
)
MANY_TOOLS = Code(
    name="MH336",
    summary="the server serves more than 100 tools",
    explanation="Models choose badly among so many, each costs tokens in every request, and clients stop at 128.",
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
MOVED = Code(
    name="MH343",
    summary="the move cannot be",
    explanation=(
        "Under `moved` a hub says which server was renamed, so that what belonged to the old name belongs to the new "
        "one. The old name is no server any more, the new one is, and either stands in one move alone."
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
    explanation="A server that serves nothing is most often one that was started wrongly.",
)
TOOL_TWICE = Code(
    name="MH406",
    summary="the server offers one tool name twice",
    explanation="Which of the two a call would reach is the server's secret, so neither can be locked.",
)
CONFLICT = Code(
    name="MH407",
    summary="the lock holds conflict markers",
    explanation="Two branches changed the same server's entry. Take either side, and run `mcphub lock`.",
)

NO_IMAGE = Code(
    name="MH408",
    summary="the image does not exist",
    explanation="The registry has no image of that name, or none under that tag or digest.",
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

POLICY_FILE = Code(
    name="MH501",
    summary="there is no such policy",
    explanation="A path under `policies:` that names no file would leave the hub without the rules it asks for.",
)
CONDITION = Code(
    name="MH502",
    summary="the condition is not understood",
    explanation="Conditions are CEL over the facts of one kind, and are checked against the facts' types.",
)
UNBOUNDED = Code(
    name="MH503",
    summary="the condition may cost too much",
    explanation=(
        "What a condition costs must not grow without bound: it makes no new text, lists or maps, and its regular "
        "expressions stand in it as they are."
    ),
)
POLICY_NAME = Code(
    name="MH504",
    summary="the policies use a name wrongly",
    explanation="A rule's name is given once among all policies of a hub; what names a rule names one that is there.",
)
UNDECIDED = Code(
    name="MH505",
    summary="a rule cannot be decided",
    explanation="A condition that fails on a thing it looks at decides nothing, and what is not decided is refused.",
)
DENIED = Code(
    name="MH506",
    summary="a policy denies this",
    explanation="A rule of level `deny` is broken. No waiver lifts it: mend the hub, or change the rule.",
)
UNAPPROVED = Code(
    name="MH507",
    summary="a policy denies this unless it is approved",
    explanation=(
        "A rule of level `deny-unless-approved` is broken, and no waiver that holds on the day of the check names both "
        "rule and subject."
    ),
)
DISCOURAGED = Code(
    name="MH508",
    summary="a policy warns of this",
    explanation="A rule of level `warn` is broken. Nothing is refused.",
    severity=Severity.WARNING,
)
WAIVED = Code(
    name="MH509",
    summary="a waiver allows what a policy denies",
    explanation="It is shown with its owner, reason and last day, so that nobody forgets that it is there.",
    severity=Severity.NOTE,
)
WAIVER_EXPIRED = Code(
    name="MH510",
    summary="the waiver has expired",
    explanation="It allows nothing any more. The day of the check is today, or the one of `--as-of`.",
    severity=Severity.WARNING,
)
WAIVER_UNUSED = Code(
    name="MH511",
    summary="the waiver is not needed",
    explanation="Nothing that it names breaks its rule. A waiver that stays behind allows what nobody looks at.",
    severity=Severity.WARNING,
)

CODES: dict[str, Code] = {
    code.name: code
    for code in sorted(
        (each for each in tuple(globals().values()) if isinstance(each, Code)), key=lambda each: each.name
    )
}
"""Every code above by its name, in order."""
