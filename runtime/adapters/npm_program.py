"""The `npm` program and the Node.js that runs it: where they are, what they inherit, what of their words is shown."""

import json
import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from mcphub_gitops.runtime.adapters.complaints import mask
from mcphub_gitops.runtime.adapters.manager import Manager
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file
from mcphub_gitops.runtime.ports import Program

OLDEST_NODE, OLDEST_NPM = 18, 9
"""Node.js 18 is what MCP's SDK needs. npm 9 is the oldest that says its errors as data and, since 8.10 (arborist 5.2),
writes a lock without addresses; tried here with 9.2, 10.9 and 11.19."""

_SYSTEM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin")
_SYSTEM = (Path("/usr"), Path("/bin"), Path("/nix/store"), Path("/gnu/store"))
"""What every server may read and run anyway (`engines.landlock`)."""

_MISSING = f"install Node.js {OLDEST_NODE} or later, with npm {OLDEST_NPM} or later, so that both are on the PATH"

_INHERITED = frozenset(
    {
        *("HOME", "PATH", "TMPDIR", "LANG", "PREFIX", "NPM_TOKEN", "NODE_AUTH_TOKEN"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PROXY", "http_proxy", "https_proxy", "no_proxy", "proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "NODE_USE_ENV_PROXY"),
    }
)
"""What reaches npm of mcphub's own environment: the way to the registry. To these come the settings below, and the
variables that the user's and the system's npmrc refer to as ``${NAME}``, which is how tokens usually get there. Left
out are the values of other secrets, and NODE_OPTIONS, through which Node.js would run other code."""

_SETTINGS = frozenset(
    {
        *("registry", "userconfig", "globalconfig", "prefix", "ca", "cafile", "cert", "key", "strict-ssl"),
        *("proxy", "https-proxy", "noproxy", "local-address", "maxsockets", "offline", "replace-registry-host"),
        *("fetch-retries", "fetch-retry-factor", "fetch-retry-mintimeout", "fetch-retry-maxtimeout", "fetch-timeout"),
        *("before", "min-release-age", "min-release-age-exclude"),
    }
)
"""Settings that count also from the environment, as ``npm_config_NAME``; beside them ``@SCOPE:registry`` and, with the
credentials of a registry, whatever begins with ``//``."""

_FIXED = (
    # A user's own configuration may say otherwise; a lock means the same for everyone who makes it, and nothing but
    # the way to the registry is taken from it. npm reads the command line last.
    *("--no-global", "--location=project", "--no-dry-run", "--no-force", "--tag=latest", "--package-lock"),
    *("--omit=dev", "--include=prod", "--install-strategy=hoisted", "--no-prefer-dedupe", "--no-install-links"),
    *("--no-legacy-peer-deps", "--no-strict-peer-deps", "--no-engine-strict", "--os=null", "--cpu=null", "--libc=null"),
    *("--lockfile-version=3", "--omit-lockfile-registry-resolved"),
    # No code of a package runs before a server starts, and nothing comes from elsewhere than a registry. npm 9 and 10
    # do not know the last three; there, it is git that fails, and what came from elsewhere is not locked. (A fourth,
    # for files at an address, would also keep npm from looking for a lock in a package of a registry.)
    *("--ignore-scripts", "--git=/bin/false"),
    *("--allow-git=none", "--allow-file=none", "--allow-directory=none"),
    # Programs are started by their path. Without links, everything installed is a file that the hash covers.
    "--no-bin-links",
    *("--no-audit", "--no-fund", "--no-update-notifier", "--no-progress", "--no-color"),
    *("--json", "--no-long", "--loglevel=warn", "--logs-max=0", "--umask=022"),
)

_CHECK = """
const checks = require(require.resolve('npm-install-checks', { paths: [process.argv[1]] }));
const unfit = ({ engines, os, cpu, libc }) => {
  const wanted = { name: '', version: '', engines, os, cpu, libc };
  try {
    checks.checkEngine(wanted, process.argv[2], process.version);
    checks.checkPlatform(wanted);
    return false;
  } catch {
    return true;
  }
};
const packages = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(Object.keys(packages).filter((place) => unfit(packages[place]))));
"""
"""Asks npm's own judge which packages are not for this machine; its place is the same since npm 7."""

_UNWRITTEN = re.compile(r"TAR_ENTRY_ERROR (?P<code>[A-Z]*)")
"""Where npm could not write a file of a package (a full disk, say), it says so in passing and ends with success."""

_REFERENCE = re.compile(r"\$\{([^${}?]+)\??\}")
_LONGEST_SETTINGS = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a run of npm ended: its exit code, npm's own code of the error, its words (masked), or its answer."""

    status: int
    code: str = ""
    words: str = ""
    answer: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tools:
    node: str
    script: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Npm:
    """Runs npm with the parts of `environ` that it may know and its cache in `cache`; `timeout` is in seconds.

    The configuration files of the user and the system count: behind a mirror, they name the registry and hold its
    credentials. Those of the hub's folder do not.
    """

    environ: Mapping[str, str] = field(repr=False)
    cache: Path
    timeout: float

    def node(self) -> Program:
        """Return the Node.js that runs npm and servers: never one of mcphub's own virtual environment.

        One that another user can run goes before it where this is root, such as the system's when another one lies
        in a closed home. Raises RuntimeFailure when there is none.
        """
        hits = [path for path in map(_real, self._executables("node")) if _is_node(path)]
        if not hits:
            raise RuntimeFailure("Node.js is not installed", detail=self._looked(), resolution=_MISSING)
        path = next((hit for hit in hits if os.geteuid() != 0 or _is_open(hit)), hits[0])
        return Program(path=str(path), readable=() if _is_systems(path) else (str(path),))

    def run(
        self, command: str, *arguments: str, folder: Path, cache: Path | None = None, held: tuple[int, ...] = ()
    ) -> Said:
        """Run `npm COMMAND` on the project in `folder`; files it makes can be read by everyone.

        `cache` is used in the place of the usual one.

        `held` are open files that npm keeps open: a lock among them lasts as long as it, also when mcphub itself is
        killed. Raises RuntimeFailure when npm or Node.js is missing or too old, or takes longer than the timeout.
        """
        tools = self._tools()
        options = (*_FIXED, f"--prefix={folder}", f"--cache={cache or self.cache}", *arguments)
        done = self._start((tools.node, tools.script, command, *options), "", tools, folder=folder, held=held)
        try:
            answer = json.loads(done.stdout)
        except (ValueError, RecursionError):
            answer = None
        told = done.stderr.decode("utf-8", "replace")
        if done.returncode == 0:
            unwritten = _UNWRITTEN.search(told)
            if unwritten:
                return Said(status=1, code=unwritten["code"], words=mask(told))
            return Said(status=0, answer=answer)
        error = answer.get("error") if isinstance(answer, dict) else None
        if not isinstance(error, dict):
            return Said(status=done.returncode, words=mask(told))
        # What follows of a usage error is npm's manual.
        summary = f"{error.get('summary') or ''}".partition("\n\nClean install")[0]
        words = mask(f"{summary}\n{error.get('detail') or ''}")
        return Said(status=done.returncode, code=str(error.get("code", "")), words=words)

    def unfit(self, packages: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
        """Return the places of those of `packages` (their entries by place) that are not for this machine.

        Raises RuntimeFailure as `run` does, and when npm's judge is not where it is expected.
        """
        tools = self._tools()
        arguments = (tools.node, "-e", _CHECK, str(Path(tools.script).parent), tools.version)
        with scratch() as folder:
            done = self._start(arguments, json.dumps(packages), tools, folder=folder, held=())
        if done.returncode != 0:
            raise RuntimeFailure(
                "npm does not tell which packages are for this machine",
                detail=mask(done.stderr.decode("utf-8", "replace")),
                resolution="install npm as its own publisher packs it",
            )
        return frozenset(json.loads(done.stdout))

    def _start(
        self, arguments: tuple[str, ...], text: str, tools: _Tools, *, folder: Path, held: tuple[int, ...]
    ) -> subprocess.CompletedProcess[bytes]:
        manager = Manager(
            name="npm",
            source="package registry",
            cure="look at the permissions of the runtime folder, and at whether Node.js runs",
            environ=self._inherited(tools.node),
            timeout=self.timeout,
        )
        try:
            # It holds what a private registry gave, which is not for every user of the machine.
            self.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise manager.not_started(error) from error
        return manager.run(arguments, folder=folder, text=text, held=held)

    def _tools(self) -> _Tools:
        node = self.node().path
        found = _node_version(node)
        if found < OLDEST_NODE:
            raise RuntimeFailure(
                f"Node.js {found} is too old" if found else "Node.js does not run", detail=node, resolution=_MISSING
            )
        beside = (Path(node).parent / "npm", Path(node).parent.parent / "lib/node_modules/npm/bin/npm-cli.js")
        for path in (*beside, *self._executables("npm")):
            script = _real(path)
            # Elsewhere, a shell script or a version manager's shim stands under that name.
            if script.name == "npm-cli.js" and script.is_file():
                version = _npm_version(script)
                if int(f"0{version.partition('.')[0]}") < OLDEST_NPM:
                    raise RuntimeFailure(f"npm {version} is too old", detail=str(script), resolution=_MISSING)
                return _Tools(node=node, script=str(script), version=version)
        raise RuntimeFailure("npm is not installed", detail=self._looked(), resolution=_MISSING)

    def _executables(self, name: str) -> Iterator[Path]:
        for folder in self._folders():
            path = Path(folder, name)
            # Path.is_file raises where a folder on the way is closed.
            is_program = os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113  (Path raises at a closed folder)
            if is_program and not _is_own(path):
                yield path

    def _folders(self) -> tuple[str, ...]:
        # A relative folder in PATH would mean another program in every working directory.
        own = (folder for folder in self.environ.get("PATH", "").split(":") if folder.startswith("/"))
        return tuple(dict.fromkeys((*own, *_SYSTEM_FOLDERS)))

    def _looked(self) -> str:
        return "it was looked for in " + ", ".join(self._folders())

    def _inherited(self, node: str) -> dict[str, str]:
        referred = {name for text in self._settings(node) for name in _REFERENCE.findall(text)}
        return {
            name: value
            for name, value in self.environ.items()
            if name in _INHERITED or name in referred or _is_setting(name)
        }

    def _settings(self, node: str) -> Iterator[str]:
        """Yield the text of the user's and the system's npmrc, from where npm reads them (npm-config(7), "Files")."""
        given = {_setting(name): value for name, value in self.environ.items() if _is_setting(name)}
        home = self.environ.get("HOME") or str(Path.home())
        prefix = given.get("prefix") or self.environ.get("PREFIX") or str(Path(node).parent.parent)
        for path in (given.get("userconfig", f"{home}/.npmrc"), given.get("globalconfig", f"{prefix}/etc/npmrc")):
            yield (read_file(Path(path), limit=_LONGEST_SETTINGS) or b"").decode("utf-8", "replace")


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a private folder; it is gone afterwards. Raises RuntimeFailure."""
    try:
        place = tempfile.TemporaryDirectory(prefix="mcphub-npm-", ignore_cleanup_errors=True)
    except OSError as error:
        raise RuntimeFailure(
            "no temporary file can be made",
            detail=f"{error.filename}: {error.strerror}",
            resolution="make room in the folder for temporary files, or name another one in TMPDIR",
        ) from error
    with place as name:
        yield Path(name)


def _setting(name: str) -> str:
    """Return the setting that an environment's variable means; npm takes any case, and underscores for hyphens."""
    key = name[len("npm_config_") :]
    return key if key.startswith("//") else key[:1] + key[1:].replace("_", "-").lower()


def _is_setting(name: str) -> bool:
    if not name.lower().startswith("npm_config_"):
        return False
    setting = _setting(name)
    return (
        setting.lower() in _SETTINGS or setting.startswith("//") or re.fullmatch(r"@.+:registry", setting) is not None
    )


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_own(path: Path) -> bool:
    return sys.prefix != sys.base_prefix and path.is_relative_to(sys.prefix)


def _is_node(path: Path) -> bool:
    """Whether `path` is Node.js itself: a version manager's shim has another name, or is a script."""
    try:
        with path.open("rb") as file:
            return path.name in {"node", "nodejs"} and file.read(2) != b"#!"
    except OSError:
        return False


def _is_open(path: Path) -> bool:
    """Whether every user can run `path`."""
    run = stat.S_IROTH | stat.S_IXOTH
    ways = (folder.stat().st_mode for folder in path.parents)
    return path.stat().st_mode & run == run and all(mode & stat.S_IXOTH for mode in ways)


def _is_systems(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _SYSTEM)


@lru_cache(maxsize=8)
def _node_version(node: str) -> int:
    """Return the major version of `node`, 0 when it does not say; it is asked once."""
    try:
        done = subprocess.run(  # noqa: S603  (the Node.js that was found; no argument is a shell's)
            [node, "--version"], env={}, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.match(rb"v(\d+)\.", done.stdout)
    return int(match[1]) if match else 0


def _npm_version(script: Path) -> str:
    text = read_file(script.parent.parent / "package.json", limit=_LONGEST_SETTINGS) or b""
    match = re.search(rb'"version"\s*:\s*"(\d+[^"]*)"', text)
    return match[1].decode("ascii", "replace") if match else ""
