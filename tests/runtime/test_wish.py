from collections.abc import Collection, Mapping

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, Launch
from mcphub_gitops.runtime.wish import SecretsFailure, SecretWish, read_all, read_secrets, wish_for
from tests.support.machine import MemorySecrets


def test_a_composed_reference_is_filled_in() -> None:
    secrets = MemorySecrets({"env://A": "a$1", "env://B": "b"})
    wish = SecretWish(server="s", references={"X": "env://A", "Y": "Bearer ${env://A}:${env://B}$$", "Z": "$$"})
    assert read_secrets(secrets, wish) == {"X": "a$1", "Y": "Bearer a$1:b$", "Z": "$"}
    assert secrets.asked == [["env://A", "env://B"]]


def test_nobody_is_asked_where_nothing_is_wanted() -> None:
    secrets = MemorySecrets()
    assert read_all(secrets, [SecretWish(server="s", references={})]) == [{}]
    assert secrets.asked == []


def test_what_is_missing_is_named_with_its_server_and_variable() -> None:
    secrets = MemorySecrets({"env://A": "a"})
    wishes = [
        SecretWish(server="one", references={"X": "env://A"}),
        SecretWish(server="two", references={"X": "env://B", "Y": "${env://C}"}),
    ]
    first, second = read_all(secrets, wishes)
    assert first == {"X": "a"}
    assert isinstance(second, RuntimeFailure)
    assert second.brief == "2 things failed"
    assert "the secret env://B is not set\nThe server two needs X (env://B)." in second.detail
    assert "The server two needs Y (env://C)." in second.detail
    with pytest.raises(RuntimeFailure, match="env://B"):
        read_secrets(secrets, SecretWish(server="two", references={"X": "env://B"}))


def test_what_a_store_fails_with_is_told_once() -> None:
    class Sealed:
        def fetch(
            self,
            references: Collection[str],
            *,
            stores: Mapping[str, Mapping[str, str]],
            programs: Mapping[str, str],
        ) -> Mapping[str, str | RuntimeFailure]:
            assert (dict(stores), dict(programs)) == ({"corp": {"address": "x"}}, {"a": "sha256:1"})
            return dict.fromkeys(references, RuntimeFailure("it is sealed", detail="No.", retryable=True))

    launch = Launch(
        spec=ChildSpec(server="s", argv=("/x",), cwd="/", env={}),
        secrets={"X": "store://corp/a#b", "Y": "store://corp/a#c"},
        stores={"corp": {"address": "x"}},
        files={"a": "sha256:1"},
    )
    with pytest.raises(RuntimeFailure) as caught:
        read_secrets(Sealed(), wish_for("s", launch))
    found = caught.value
    assert (found.brief, found.retryable) == ("it is sealed", True)
    assert found.detail == "No.\nThe server s needs X (store://corp/a#b), Y (store://corp/a#c)."


def test_what_two_servers_lack_for_one_reason_is_told_once() -> None:
    sealed = RuntimeFailure("it is sealed", detail="No.", resolution="unseal it")
    other = RuntimeFailure("b is not set", resolution="set b")
    one = SecretsFailure([(sealed, "The server a needs X.")])
    two = SecretsFailure([(sealed, "The server b needs Y."), (other, "The server b needs Z.")])
    assert SecretsFailure.of_all([one]).detail == "No.\nThe server a needs X."
    found = SecretsFailure.of_all([one, two])
    assert found.brief == "2 things failed"
    assert found.detail == (
        "it is sealed\nNo.\nThe server a needs X.\nThe server b needs Y.\n\nb is not set\nThe server b needs Z."
    )
    assert found.resolution == "unseal it; set b"
