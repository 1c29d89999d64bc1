"""What is read of messages, and what is not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.engines.remote import message
from mcphub_gitops.runtime.gateway import wire
from tests.support.gateway_hub import CLIENT, UNHURRIED, modern_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["id", "method"]), inner),
    max_leaves=6,
)


def test_a_request_of_the_new_era_names_its_revision() -> None:
    body, headers = modern_request("tools/call", {"name": "größe", "arguments": {"a": 1}}, identity=7)
    sent = message.read(body)
    assert (sent.id, sent.method, sent.name, sent.arguments) == (b"7", "tools/call", "größe", {"a": 1})
    assert (sent.version, sent.modern) == (headers["mcp-protocol-version"], True)


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("prompts/get", {"name": "p"}, "p"),
        ("resources/read", {"uri": "a:b"}, "a:b"),
        ("tools/list", {"name": "p"}, None),
    ],
)
def test_the_name_is_that_of_the_method(method: str, params: dict[str, Any], name: str | None) -> None:
    assert message.read(wire.request(1, method, json.dumps(params).encode())).name == name


def test_a_request_of_the_old_era_names_none() -> None:
    sent = message.read(wire.request(1, "initialize", b'{"protocolVersion":"2025-11-25","clientInfo":%b}' % CLIENT))
    assert (sent.id, sent.method, sent.modern, sent.cancels) == (b"1", "initialize", False, None)


def test_a_notification_may_cancel_a_request() -> None:
    sent = message.read(wire.notification("notifications/cancelled", b'{"requestId":5,"reason":"deadline"}'))
    assert (sent.id, sent.cancels) == (None, b"5")


def test_a_response_is_neither_request_nor_notification() -> None:
    sent = message.read(wire.result(b'"mine"', b"{}"))
    assert (sent.id, sent.method, sent.cancels) == (None, "", None)


def test_a_page_that_is_not_the_first_is_known() -> None:
    assert message.read(wire.request(1, "tools/list", b'{"cursor":"2"}')).continues
    assert not message.read(wire.request(1, "tools/list", b"{}")).continues


@pytest.mark.parametrize("line", [b"", b"nonsense", b"[]", b"1", b"\xff", b'{"id":' + b"9" * 5000 + b"}"])
def test_what_is_no_message_is_an_error_of_value(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        message.read(line)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"jsonrpc":"2.0","id":7,"result":{}}', "reply"),
        (b'{"result":{"id":8},"jsonrpc":"2.0","id":7}', "reply"),
        (b'{"result":{"id":8},"id":7,"jsonrpc":"2.0"}', "reply"),
        (b'{ "id" : 7 , "error":{"code":1,"message":"\\"method\\""}}', "reply"),
        (b'{"jsonrpc":"2.0","id":7,"result":{"method":"x"}}', "reply"),
        (b'{"jsonrpc":"2.0","id":"7","result":{}}', "message"),
        (b'{"jsonrpc":"2.0","id":70,"result":{}}', "message"),
        (b'{"jsonrpc":"2.0","id":7.0,"result":{}}', "message"),
        (b'{"jsonrpc":"2.0","id":null,"result":{}}', "message"),
        (b'{"jsonrpc":"2.0","id":true,"result":{}}', "message"),
        (b'{"result":{"jsonrpc":"2.0","id":7}}', "message"),
        (b'{"result":",\\"id\\":7}"}', "message"),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping"}', "message"),
        (b'{"jsonrpc":"2.0","method":"ping","id":7}', "message"),
        (b'{"jsonrpc":"2.0","method":"notifications/message"}', "message"),
        (b'[{"jsonrpc":"2.0","id":7,"result":{}}]', "unreadable"),
        (b"<html>", "unreadable"),
        (b"", "unreadable"),
        (b'"text"', "unreadable"),
        (b"[" * 100_000, "unreadable"),
    ],
)
def test_a_line_is_the_reply_to_a_question_or_not(line: bytes, kind: str) -> None:
    assert message.kind_of(line, b"7") == kind


@UNHURRIED
@given(JSON, st.permutations(["jsonrpc", "id", "result", "more"]), st.integers(-3, 3) | st.sampled_from(["1", "x"]))
def test_a_reply_is_known_however_it_is_written(value: object, order: list[str], identity: object) -> None:
    members = {"jsonrpc": "2.0", "id": identity, "result": value, "more": [value]}
    line = json.dumps({key: members[key] for key in order}).encode()
    assert message.kind_of(line, json.dumps(identity).encode()) == "reply"
    assert message.kind_of(line, b"99") == "message"


def test_a_text_becomes_one_line_without_a_mark() -> None:
    pretty = json.dumps({"a": ["b\nc", 1]}, indent=2).replace("\n", "\r\n").encode()
    line = message.one_line(b"\xef\xbb\xbf" + pretty)
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line) == {"a": ["b\nc", 1]}


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        (b'{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"m"}}', b"7"),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m"}}', None),
        (b'{"jsonrpc":"2.0","error":{"code":-1,"message":"m"}}', None),
    ],
)
def test_an_error_is_found_with_its_id(text: bytes, identity: bytes | None) -> None:
    assert message.error_of(text) == (identity, b'{"code": -1, "message": "m"}')


@pytest.mark.parametrize(
    "error", [b"null", b"{}", b'"x"', b'{"code":"1","message":"m"}', b'{"code":true,"message":"m"}']
)
def test_what_is_no_error_object_is_none(error: bytes) -> None:
    assert message.error_of(b'{"id":7,"error":%b}' % error) is None
    assert message.error_of(b"<html>") is None
    assert message.error_of(b"[]") is None


def test_own_errors_can_be_read_by_the_gateway() -> None:
    found = wire.read_reply(message.own_error(b'"x"', -32010, 'it says "no"'))
    assert found.id == b'"x"'
    assert found.error is not None
    assert json.loads(bytes(found.error)) == {"code": -32010, "message": 'it says "no"'}


def test_the_id_that_a_broken_line_begins_with_is_found() -> None:
    assert message.head_identity(b'{"jsonrpc":"2.0","id":7,"method":') == b"7"
    assert message.head_identity(b"nonsense") is None


@pytest.mark.parametrize("line", [b'{"result":{"a":1}}', b'{"result":[]}', b"[]", b"x"])
def test_a_result_is_an_object(line: bytes) -> None:
    assert message.result_of(line) == ({"a": 1} if b'"a"' in line else {})
