"""One question to a store for many servers: what is asked for while the store is busy waits, and goes together."""

from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from mcphub_gitops.compiler.resolve.location import locations_in
from mcphub_gitops.runtime.adapters.secrets.value import Outcome
from mcphub_gitops.runtime.ports import Secrets

_Store: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class _Batch:
    references: set[str] = field(default_factory=set)
    programs: dict[str, str] = field(default_factory=dict)
    outcome: "Future[Mapping[str, Outcome]]" = field(default_factory=Future)


class GatheredSecrets:
    """Asks `secrets`; a `ports.Secrets`.

    A gateway starts its servers all at once, each with secrets of its own. The first one goes to the store by itself,
    those that come meanwhile go together when it is back: two logins instead of one a server. Nothing is kept.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._guard = Lock()
        self._waiting: dict[_Store, _Batch] = {}
        self._turns: dict[_Store, Lock] = {}

    def fetch(
        self, references: Collection[str], *, stores: Mapping[str, Mapping[str, str]], programs: Mapping[str, str]
    ) -> Mapping[str, Outcome]:
        """See `ports.Secrets`."""
        kept: dict[str, set[str]] = {}
        for reference in references:
            for found in locations_in(reference):
                if found.scheme in {"store", "vault"}:
                    kept.setdefault(found.store, set()).add(reference)
        outcomes: dict[str, Outcome] = {}
        for store, wanted in kept.items():
            outcomes |= self._together(store, wanted, stores, programs)
        others = [reference for reference in references if reference not in outcomes]
        return {**outcomes, **self._secrets.fetch(others, stores=stores, programs=programs)} if others else outcomes

    def _together(
        self, store: str, wanted: set[str], stores: Mapping[str, Mapping[str, str]], programs: Mapping[str, str]
    ) -> Mapping[str, Outcome]:
        facts = {store: stores[store]} if store in stores else {}
        key = (store, tuple(facts.get(store, {}).items()))
        with self._guard:
            batch = self._waiting.setdefault(key, _Batch())
            is_first = not batch.references
            batch.references |= wanted
            batch.programs |= programs
            turn = self._turns.setdefault(key, Lock())
        if is_first:
            self._go(key, batch, facts, turn)
        found = batch.outcome.result()
        return {reference: found[reference] for reference in wanted}

    def _go(self, key: _Store, batch: _Batch, facts: Mapping[str, Mapping[str, str]], turn: Lock) -> None:
        with turn:
            with self._guard:
                # Whoever comes from here on is in the next one.
                del self._waiting[key]
            try:
                found = self._secrets.fetch(batch.references, stores=facts, programs=batch.programs)
            except BaseException as error:
                batch.outcome.set_exception(error)
                raise
        batch.outcome.set_result(found)
