from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from time import monotonic

import pytest

from mcphub_gitops.runtime.adapters.secrets.gathering import GatheredSecrets

FACTS = {"corp": {"address": "https://vault.acme.example"}}
OTHER = {"corp": {"address": "https://other.acme.example"}}


class Slow:
    """Answers with the reference and how often it was asked; the first question waits until it is `released`."""

    def __init__(self) -> None:
        self.asked: list[tuple[frozenset[str], Mapping[str, Mapping[str, str]], Mapping[str, str]]] = []
        self.busy, self.released, self._lock = Event(), Event(), Lock()

    def fetch(
        self, references: Collection[str], *, stores: Mapping[str, Mapping[str, str]], programs: Mapping[str, str]
    ) -> Mapping[str, str]:
        with self._lock:
            self.asked.append((frozenset(references), dict(stores), dict(programs)))
            number = len(self.asked)
        self.busy.set()
        assert self.released.wait(10)
        if "store://corp/broken#a" in references:
            raise ValueError("a bug")
        return {reference: f"{reference} {number}" for reference in references}


def waiting(gathered: GatheredSecrets) -> int:
    with gathered._guard:  # noqa: SLF001  (what waits is seen by nobody else)
        batches = [batch for (_, facts), batch in gathered._waiting.items() if dict(facts) == FACTS["corp"]]  # noqa: SLF001
    return sum(len(batch.references) for batch in batches)


def key(number: int) -> str:
    return f"store://corp/{number}#a"


def test_what_comes_while_the_store_is_busy_goes_together() -> None:
    inner = Slow()
    gathered = GatheredSecrets(inner)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(gathered.fetch, [key(0)], stores=FACTS, programs={})
        assert inner.busy.wait(10)
        later = [
            pool.submit(gathered.fetch, [key(number)], stores=FACTS, programs={f"p{number}": "sha256:1"})
            for number in range(1, 6)
        ]
        other = pool.submit(gathered.fetch, [key(0)], stores=OTHER, programs={})
        deadline = monotonic() + 10
        while waiting(gathered) < 5:
            assert monotonic() < deadline
        inner.released.set()
        assert first.result(10) == {key(0): f"{key(0)} 1"}
        for number, each in enumerate(later, 1):
            assert each.result(10) == {key(number): f"{key(number)} {len(inner.asked)}"}
        assert set(other.result(10)) == {key(0)}
    together = [asked for asked in inner.asked if len(asked[0]) > 1]
    assert together == [(frozenset(map(key, range(1, 6))), FACTS, {f"p{number}": "sha256:1" for number in range(1, 6)})]
    assert [asked[0] for asked in inner.asked if asked[1] == OTHER] == [frozenset({key(0)})]


def test_each_question_is_asked_anew() -> None:
    inner = Slow()
    inner.released.set()
    gathered = GatheredSecrets(inner)
    assert gathered.fetch([key(1)], stores=FACTS, programs={}) == {key(1): f"{key(1)} 1"}
    assert gathered.fetch([key(1)], stores=FACTS, programs={}) == {key(1): f"{key(1)} 2"}


def test_what_is_in_no_store_waits_for_nobody() -> None:
    inner = Slow()
    inner.released.set()
    found = GatheredSecrets(inner).fetch(["env://A", key(1), "vault://a/b#c"], stores=FACTS, programs={"p": "d"})
    assert set(found) == {"env://A", key(1), "vault://a/b#c"}
    assert [(set(asked[0]), asked[1]) for asked in inner.asked] == [
        ({key(1)}, FACTS),
        ({"vault://a/b#c"}, {}),
        ({"env://A"}, FACTS),
    ]


def test_a_bug_reaches_everybody_who_waits_and_nobody_after_them() -> None:
    inner = Slow()
    gathered = GatheredSecrets(inner)
    inner.released.set()
    with pytest.raises(ValueError, match="a bug"):
        gathered.fetch(["store://corp/broken#a"], stores=FACTS, programs={})
    assert gathered.fetch([key(1)], stores=FACTS, programs={})
