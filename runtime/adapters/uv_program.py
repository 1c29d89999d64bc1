"""The `uv` program: what it inherits, where it runs, and what of its words may be shown."""

import json
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from uv import find_uv_bin

from mcphub_gitops.runtime.adapters.complaints import mask
from mcphub_gitops.runtime.adapters.manager import Manager
from mcphub_gitops.runtime.failure import RuntimeFailure

_INHERITED = frozenset(
    {
        *("HOME", "PATH", "TMPDIR", "LANG", "DBUS_SESSION_BUS_ADDRESS", "NETRC"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME"),
        *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "http_proxy", "https_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_INSECURE_HOST"),
        *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"),
        *("UV_KEYRING_PROVIDER", "UV_CREDENTIALS_DIR", "UV_CONFIG_FILE", "UV_NO_CONFIG", "UV_OFFLINE"),
        *("UV_CACHE_DIR", "UV_NO_CACHE", "UV_LOCK_TIMEOUT", "UV_HTTP_TIMEOUT", "UV_HTTP_CONNECT_TIMEOUT"),
        *("UV_HTTP_RETRIES", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS"),
    }
)
"""What reaches uv of mcphub's own environment: the way to the index, the cache, and what a keyring program needs.

Beside these, every variable that begins with ``UV_INDEX_`` (the address, strategy and credentials of indexes). Left
out are the values of secrets, what points at another Python or project (VIRTUAL_ENV, PYTHONPATH, UV_PROJECT, …) and
what would change or loosen an answer (UV_OVERRIDE, UV_PRERELEASE, UV_NO_VERIFY_HASHES, …).
"""

_FIXED = {
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "NO_COLOR": "1",
    # Neither time nor size of a source is compared: what runs is what was installed, also after a copy that lost times.
    "PYC_INVALIDATION_MODE": "UNCHECKED_HASH",
}

_SHIELD = "[tool.uv.workspace]\n"
"""What uv reads for the project's configuration. Its search for one begins in the working folder and climbs: it would
end at the hub's own repository or, from the folder for temporary files, at what another user put there. The root of a
workspace ends it (an empty uv.toml does not: a pyproject.toml above it wins). ``--no-config`` would also end it, but
together with it go the configurations of the user and the system, in which people behind a mirror name their index."""

_LIST = ("python", "list", "--only-installed", "--output-format", "json")

_FINDING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a run of uv ended: its exit code, what it said on standard error, masked, and its answer, as it came."""

    status: int
    words: str
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv:
    """Runs uv with the parts of `environ` that it may know; `timeout` bounds each run, in seconds.

    The program is the one that the Python package of the same name brings; finding it costs 2 ms the first time.
    """

    environ: Mapping[str, str] = field(repr=False)
    timeout: float

    @property
    def is_offline(self) -> bool:
        """Whether the environment keeps uv from asking the index."""
        return self.environ.get("UV_OFFLINE", "").lower() in {"1", "true", "yes", "on", "y", "t"}

    def run(self, *arguments: str, folder: Path, text: str = "", held: tuple[int, ...] = ()) -> Said:
        """Run uv in `folder` (see `scratch`) with `text` on standard input; files it makes can be read by everyone.

        `held` are open files that uv and its children keep open: a lock among them lasts as long as the last of them,
        also when mcphub itself is killed. Raises RuntimeFailure when uv is missing or takes longer than the timeout.
        """
        manager = Manager(
            name="uv",
            source="package index",
            cure="install mcphub again, with all that it depends on",
            environ={**self._inherited(), **_FIXED},
            timeout=self.timeout,
        )
        try:
            program = _program()
        except OSError as error:
            raise manager.not_started(error) from error
        done = manager.run([program, *arguments], folder=folder, text=text, held=held)
        words, answer = (each.decode("utf-8", "replace") for each in (done.stderr, done.stdout))
        return Said(status=done.returncode, words=mask(words), answer=answer)

    def pythons(self, version: str, *, folder: Path) -> tuple[str, ...]:
        """Return the paths of the CPythons of `version` ("3.12") that are on this machine's PATH, or that uv installed.

        What does not start, such as a version manager's shim for another version, is not among them. Raises
        RuntimeFailure as `run` does.
        """
        said = self.run(*_LIST, f"cpython@{version}", folder=folder)
        try:
            found = json.loads(said.answer)
        except ValueError as error:
            raise RuntimeFailure(
                "uv does not tell which Pythons are installed",
                detail=said.words,
                resolution="install mcphub again, with all that it depends on",
            ) from error
        # What lies below the working folder is named from there.
        return tuple(str(folder / each["path"]) for each in found if each["path"] and each["variant"] == "default")

    def _inherited(self) -> dict[str, str]:
        return {
            name: value for name, value in self.environ.items() if name in _INHERITED or name.startswith("UV_INDEX_")
        }


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a private folder, outside of every project's configuration; it is gone afterwards. Raises RuntimeFailure."""
    try:
        place = tempfile.TemporaryDirectory(prefix="mcphub-uv-", ignore_cleanup_errors=True)
        (Path(place.name) / "pyproject.toml").write_text(_SHIELD, "utf-8")
    except OSError as error:
        raise RuntimeFailure(
            "no temporary file can be made",
            detail=f"{error.filename}: {error.strerror}",
            resolution="make room in the folder for temporary files, or name another one in TMPDIR",
        ) from error
    with place as name:
        yield Path(name)


def _program() -> str:
    # sysconfig fills its table without a lock: when two threads were first to ask, one got None for a variable.
    with _FINDING:
        return find_uv_bin()
