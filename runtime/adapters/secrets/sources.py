"""The port that secret values enter through: each reference is read as its scheme says, all of them side by side."""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

from mcphub_gitops.compiler.resolve.location import Location, locate
from mcphub_gitops.compiler.resolve.store import Vault
from mcphub_gitops.runtime.adapters.secrets.file import ParseDotenv, read_dotenv, read_secret_file
from mcphub_gitops.runtime.adapters.secrets.program import run_secret_program
from mcphub_gitops.runtime.adapters.secrets.value import Outcome, checked, text_of, unreadable
from mcphub_gitops.runtime.failure import RuntimeFailure

_WIDTH = 8


class ReadVault(Protocol):
    """Reads keys of one store, which it enters once."""

    def __call__(
        self, vault: Vault, wanted: Mapping[str, Location], *, reveal: Callable[[str], str], root: Path
    ) -> Mapping[str, Outcome]:
        """Return the value, or the failure, of each of `wanted` by its reference.

        `reveal` reads the references that `vault` is opened with, and raises RuntimeFailure. Raises nothing else.
        """


_Task: TypeAlias = Callable[[], Mapping[str, Outcome]]


class SecretSources:
    """Reads from `environ`, from files and programs below `root` (or absolute), and from stores; a `ports.Secrets`.

    `parse_dotenv` and `read_vault` bring what only some references need.
    """

    def __init__(
        self, root: Path, environ: Mapping[str, str], *, parse_dotenv: ParseDotenv, read_vault: ReadVault
    ) -> None:
        self._root = root
        self._environ = environ
        self._parse_dotenv = parse_dotenv
        self._read_vault = read_vault

    def fetch(
        self, references: Collection[str], *, stores: Mapping[str, Mapping[str, str]], programs: Mapping[str, str]
    ) -> Mapping[str, Outcome]:
        """See `ports.Secrets`."""
        tasks = list(self._tasks(references, stores, programs))
        if len(tasks) == 1:
            return tasks[0]()
        with ThreadPoolExecutor(_WIDTH) as pool:
            return {name: each for outcome in pool.map(_run, tasks) for name, each in outcome.items()}

    def _tasks(
        self, references: Collection[str], stores: Mapping[str, Mapping[str, str]], programs: Mapping[str, str]
    ) -> Iterable[_Task]:
        """Yield what is done side by side: the simple references by themselves, and those of one store together."""
        kept: dict[str, dict[str, Location]] = {}
        for reference in sorted(set(references)):
            found = locate(reference)
            if isinstance(found, Location) and found.scheme in {"store", "vault"}:
                kept.setdefault(found.store, {})[reference] = found
            else:
                yield partial(self._simple, reference, programs)
        for store, wanted in kept.items():
            yield partial(self._stored, store, wanted, stores, programs)

    def _simple(self, reference: str, programs: Mapping[str, str]) -> Mapping[str, Outcome]:
        try:
            return {reference: self._read(reference, programs)}
        except RuntimeFailure as failure:
            return {reference: failure}

    def _read(self, reference: str, programs: Mapping[str, str]) -> str:
        found = locate(reference)
        if isinstance(found, str) or found.scheme in {"store", "vault"}:
            raise RuntimeFailure(
                f"the secret {reference!r} cannot be read",
                detail=found if isinstance(found, str) else "It is in a store.",
                resolution="write env://NAME, file://PATH, or another reference of docs/secrets.md",
            )
        readers = {"env": self._variable, "file": self._file, "dotenv": self._dotenv}
        if found.scheme == "exec":
            data = run_secret_program(reference, found.argv, root=self._root, environ=self._environ, programs=programs)
            return checked(reference, text_of(data))
        return checked(reference, readers[found.scheme](reference, found))

    def _variable(self, reference: str, found: Location) -> str:
        value = self._environ.get(found.path)
        if value is None:
            raise RuntimeFailure(f"the secret {reference} is not set", resolution=f"set {found.path} where mcphub runs")
        return value

    def _file(self, reference: str, found: Location) -> str:
        return text_of(read_secret_file(reference, self._root / found.path))

    def _dotenv(self, reference: str, found: Location) -> str:
        return read_dotenv(reference, self._root / found.path, found.field, self._parse_dotenv)

    def _stored(
        self,
        store: str,
        wanted: Mapping[str, Location],
        stores: Mapping[str, Mapping[str, str]],
        programs: Mapping[str, str],
    ) -> Mapping[str, Outcome]:
        try:
            vault = Vault(**stores[store]) if store in stores else self._surrounding(store, next(iter(wanted)))
        except RuntimeFailure as failure:
            return dict.fromkeys(wanted, failure)
        found = self._read_vault(vault, wanted, reveal=partial(self._read, programs=programs), root=self._root)
        return {reference: _judged(reference, found[reference]) for reference in wanted}

    def _surrounding(self, store: str, reference: str) -> Vault:
        """Return the vault of the environment, whose mount stands in each reference; raises RuntimeFailure."""
        address = self._environ.get(self._present("ADDR"), "")
        if store or not address:
            raise unreadable(
                reference,
                f"No secret store is called {store}." if store else "VAULT_ADDR is not set.",
                "declare it under `secretStores`, and apply" if store else "set VAULT_ADDR and VAULT_TOKEN",
            )
        return Vault(
            address=address.rstrip("/"),
            method="token",
            credential=f"env://{self._present('TOKEN')}",
            mount="",
            namespace=self._environ.get(self._present("NAMESPACE"), ""),
            ca=self._environ.get(self._present("CACERT"), ""),
        )

    def _present(self, name: str) -> str:
        """Return the variable that is set of the two that the field's own programs read."""
        return next((each for each in (f"VAULT_{name}", f"BAO_{name}") if self._environ.get(each)), f"VAULT_{name}")


def _run(task: _Task) -> Mapping[str, Outcome]:
    return task()


def _judged(reference: str, outcome: Outcome) -> Outcome:
    if isinstance(outcome, RuntimeFailure):
        return outcome
    try:
        return checked(reference, outcome)
    except RuntimeFailure as failure:
        return failure
