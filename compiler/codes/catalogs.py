"""Codes of catalogs and their entries."""

from mcphub_gitops.compiler.codes.code import Code, Severity

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
CALL_MOUNT = Code(
    name="MH350",
    summary="a call would mount what is not granted",
    explanation=(
        "Some tools are containers that mount a folder which the call itself names. Whoever calls would choose what of "
        "the host is seen, so that the hub says below which folders it may be, under `paths`: `read`, and `write` "
        "where the container may also change them. Nothing else is mounted, and links are followed before that is "
        "decided."
    ),
)
TOOL_CONTAINER = Code(
    name="MH351",
    summary="the catalog's tool container cannot be run",
    explanation=(
        "A tool with a `container` is an image of its own, with its `command`, `volumes` and `user`; one call is one "
        "container. There is no server beside it: what is said of one is refused, and so is what would let a call "
        "choose whom the container runs as."
    ),
)
TOKEN_MISSING = Code(
    name="MH365",
    summary="the catalog's remote needs an access token",
    explanation=(
        "A remote that lets people in by OAuth is sent `Authorization: Bearer TOKEN`. mcphub logs in nowhere: the "
        "token is given as any secret is, by a reference, under the name that the catalog has for it. A program "
        "(`{exec: [PROGRAM]}`) can get a fresh one whenever the server is connected to."
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
