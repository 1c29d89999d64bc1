"""Definitions are read within bounds and compared by their canonical form."""

import json

import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import definitions
from mcphub_gitops.runtime.gateway.wire import Raw


def nested(levels: int) -> bytes:
    return b'{"name":"t","inputSchema":' + b"[" * levels + b"]" * levels + b"}"


def test_spelling_and_order_do_not_change_a_fingerprint() -> None:
    found = definitions.fingerprints(definitions.read_all([Raw(b'{ "description":"\\u00e9", "name":"t", "n": 1.0 }')]))
    assert found == {"t": fingerprint({"name": "t", "description": "é", "n": 1.0})}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"name":"t","x":1e999}',
        b'{"name":"t","x":' + b"9" * 5000 + b"}",
        b'{"name":"t","x":{"a":1,"a":1}}',
        b'{"name":"t","x":"' + b"a" * definitions.MAX_BYTES + b'"}',
        nested(definitions.MAX_DEPTH),
        nested(30_000),
    ],
)
def test_what_cannot_be_compared_has_no_fingerprint_and_cannot_be_locked(raw: bytes) -> None:
    assert definitions.fingerprints(definitions.read_all([Raw(raw)])) in ({"t": None}, {})
    with pytest.raises(RuntimeFailure):
        definitions.read(Raw(raw))


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"7", b'{"name":7}', b'{"name":null}'])
def test_what_has_no_name_is_no_definition(raw: bytes) -> None:
    assert definitions.fingerprints(definitions.read_all([Raw(raw)])) == {}
    with pytest.raises(RuntimeFailure):
        definitions.read(Raw(raw))


def test_a_name_that_is_sent_twice_has_no_fingerprint_even_when_both_are_the_same() -> None:
    raw = Raw(b'{"name":"t"}')
    assert definitions.fingerprints(definitions.read_all([raw, raw, raw])) == {"t": None}
    assert definitions.fingerprints(definitions.read_all([raw, Raw(b'{"name":"t","x":1e999}')])) == {"t": None}
    assert definitions.fingerprints(definitions.read_all([Raw(b'{"name":"t","x":1e999}'), raw])) == {"t": None}


def test_a_definition_at_the_bounds_is_read() -> None:
    assert definitions.read(Raw(nested(definitions.MAX_DEPTH - 2)))["name"] == "t"
    size = definitions.MAX_BYTES - len(b'{"name":"t","x":""}')
    whole = b'{"name":"t","x":"' + b"a" * size + b'"}'
    assert definitions.read(Raw(whole)) == json.loads(whole)
