"""What the one client of a pair of streams is answered, without them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.gateway import routing, wire
from mcphub_gitops.runtime.gateway.conversation import MOST_SUBSCRIPTIONS, Conversation
from mcphub_gitops.runtime.gateway.session import Cancel, Command, Forward, Reply
from tests.support.gateway_hub import META, UNHURRIED, echo_entry, generation_of, tool_entry

REGION = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
MIRRORED = tool_entry({"name": "mirrored", "inputSchema": REGION})
TABLE = routing.build(generation_of(echo_entry(tools=[tool_entry("echo"), MIRRORED])), version="1.2")[routing.WHOLE]
VERSION, CAPABILITIES, _ = META
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


def say(conversation: Conversation, message: object) -> Command:
    line = message if isinstance(message, bytes) else json.dumps(message).encode()
    return conversation.hear(line, TABLE)


def request(method: str, params: Mapping[str, Any] | None = None, *, identity: object = 1) -> dict[str, Any]:
    found: dict[str, Any] = {"jsonrpc": "2.0", "id": identity, "method": method}
    return found if params is None else {**found, "params": params}


def modern(method: str, params: Mapping[str, Any] | None = None, *, identity: object = 1) -> dict[str, Any]:
    return request(method, {**(params or {}), "_meta": META}, identity=identity)


def told(method: str, **params: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def answer_of(command: Command) -> dict[str, Any]:
    assert isinstance(command, Reply)
    found: dict[str, Any] = json.loads(command.body)
    return found


def code_of(command: Command) -> int:
    code = answer_of(command)["error"]["code"]
    assert isinstance(code, int)
    return code


def nothing(command: Command) -> bool:
    return isinstance(command, Reply) and not command.body


def greeted() -> Conversation:
    conversation = Conversation()
    answer_of(say(conversation, request("initialize", {"protocolVersion": "2025-11-25"})))
    assert nothing(say(conversation, told("notifications/initialized")))
    return conversation


@pytest.mark.parametrize(
    ("asked", "agreed"),
    [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2024-11-05"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ],
)
def test_a_handshake_agrees_on_a_revision_of_the_old_era(asked: str, agreed: str) -> None:
    result = answer_of(say(Conversation(), request("initialize", {"protocolVersion": asked})))["result"]
    assert result["protocolVersion"] == agreed
    assert result["capabilities"] == {"tools": {"listChanged": True}}
    assert result["serverInfo"] == {"name": "acme", "version": "1.2"}


def test_a_handshake_without_a_revision_is_refused_and_is_none() -> None:
    conversation = Conversation()
    assert code_of(say(conversation, request("initialize", {}))) == wire.INVALID_PARAMS
    assert code_of(say(conversation, request("tools/list"))) == wire.INVALID_PARAMS


def test_before_a_handshake_only_a_ping_needs_no_envelope() -> None:
    conversation = Conversation()
    assert answer_of(say(conversation, request("ping", identity="p"))) == {"jsonrpc": "2.0", "id": "p", "result": {}}
    for method in ("tools/list", "tools/call", "server/discover", "nonsense"):
        assert code_of(say(conversation, request(method))) == wire.INVALID_PARAMS


def test_after_a_handshake_requests_are_of_the_old_era() -> None:
    conversation = greeted()
    tools = answer_of(say(conversation, request("tools/list")))["result"]
    assert [tool["name"] for tool in tools["tools"]] == ["echo", "mirrored"]
    assert "resultType" not in tools
    command = say(conversation, request("tools/call", {"name": "echo", "_meta": {"x": 1}}))
    assert isinstance(command, Forward)
    assert (command.tool, command.identity, command.modern) == ("echo", b"1", False)
    assert code_of(say(conversation, request("server/discover"))) == wire.METHOD_NOT_FOUND
    assert code_of(say(conversation, request("tools/call", {"name": "unknown"}))) == wire.INVALID_PARAMS


@pytest.mark.parametrize("handshake", [False, True])
def test_a_request_with_an_envelope_is_of_the_new_era_before_and_after_a_handshake(*, handshake: bool) -> None:
    conversation = greeted() if handshake else Conversation()
    found = answer_of(say(conversation, modern("server/discover")))["result"]
    assert found["supportedVersions"] == ["2026-07-28"]
    assert found["capabilities"] == {"tools": {"listChanged": True}}
    assert answer_of(say(conversation, modern("tools/list")))["result"]["resultType"] == "complete"
    command = say(conversation, modern("tools/call", {"name": "mirrored", "arguments": {"region": "eu"}}))
    assert isinstance(command, Forward)
    assert command.modern
    for method in ("ping", "initialize", "nonsense"):
        assert code_of(say(conversation, modern(method))) == wire.METHOD_NOT_FOUND


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        ({**META, VERSION: "2031-01-01"}, wire.UNSUPPORTED_VERSION),
        ({**META, VERSION: "2025-11-25"}, wire.UNSUPPORTED_VERSION),
        ({**META, VERSION: 7}, wire.INVALID_PARAMS),
        ({**META, CAPABILITIES: []}, wire.INVALID_PARAMS),
        ({VERSION: "2026-07-28"}, wire.INVALID_PARAMS),
    ],
)
def test_an_envelope_that_is_not_whole_or_of_another_revision_is_refused(meta: dict[str, Any], code: int) -> None:
    assert code_of(say(greeted(), request("tools/list", {"_meta": meta}))) == code


@pytest.mark.parametrize(
    ("line", "identity", "code"),
    [
        (b"{", None, wire.PARSE_ERROR),
        (b"hello", None, wire.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"p\xff"}', 1, wire.PARSE_ERROR),
        (b'{"method":"ping","params":{},,"jsonrpc":"2.0","id":"x"}', "x", wire.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":7,"method":"pi', 7, wire.PARSE_ERROR),
        (b'{"a":' * 5000, None, wire.PARSE_ERROR),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None, wire.INVALID_REQUEST),
        (b"7", None, wire.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None, wire.INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', 7, wire.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","id":8}', 7, wire.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":7}', 7, wire.INVALID_REQUEST),
    ],
)
def test_what_is_no_message_is_answered_with_what_is_wrong(line: bytes, identity: object, code: int) -> None:
    command = say(greeted(), line)
    assert code_of(command) == code
    assert answer_of(command)["id"] == identity


@pytest.mark.parametrize(
    "message",
    [
        told("notifications/initialized"),
        told("notifications/progress", progressToken=1),
        told("notifications/cancelled"),
        told("nonsense"),
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "m"}},
    ],
)
def test_notifications_and_responses_are_answered_with_nothing(message: dict[str, Any]) -> None:
    assert nothing(say(Conversation(), message))
    assert nothing(say(greeted(), message))


def test_a_cancellation_names_the_call_that_it_is_about_in_either_era() -> None:
    for conversation in (Conversation(), greeted()):
        for identity in (7, "seven"):
            command = say(conversation, told("notifications/cancelled", requestId=identity))
            assert isinstance(command, Cancel)
            assert command.identity == json.dumps(identity).encode()


def changes(conversation: Conversation) -> list[dict[str, Any]]:
    return [json.loads(message) for message in conversation.changes()]


def test_who_has_shaken_hands_is_told_of_changes_once_it_is_ready_for_them() -> None:
    conversation = Conversation()
    say(conversation, told("notifications/initialized"))
    assert changes(conversation) == []
    say(conversation, request("initialize", {"protocolVersion": "2025-11-25"}))
    assert changes(conversation) == []
    say(conversation, told("notifications/initialized"))
    assert changes(conversation) == [told("notifications/tools/list_changed")]


def test_who_has_subscribed_is_told_of_changes_until_it_cancels() -> None:
    conversation = Conversation()
    for identity, wanted in ((1, {"toolsListChanged": True}), ("b", {"promptsListChanged": True})):
        acknowledged = answer_of(
            say(conversation, modern("subscriptions/listen", {"notifications": wanted}, identity=identity))
        )
        assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
        assert acknowledged["params"]["_meta"] == {SUBSCRIPTION: identity}
        agreed = {"toolsListChanged": True} if identity == 1 else {}
        assert acknowledged["params"]["notifications"] == agreed
    assert changes(conversation) == [told("notifications/tools/list_changed", _meta={SUBSCRIPTION: 1})]
    assert nothing(say(conversation, told("notifications/cancelled", requestId=1)))
    assert changes(conversation) == []
    ended = [json.loads(message) for message in conversation.end()]
    assert ended == [{"jsonrpc": "2.0", "id": "b", "result": {"resultType": "complete", "_meta": {SUBSCRIPTION: "b"}}}]
    assert conversation.end() == []


@pytest.mark.parametrize("wanted", [None, [], {"toolsListChanged": 1}, "all"])
def test_a_subscription_to_nothing_that_can_be_read_is_refused(wanted: object) -> None:
    conversation = Conversation()
    params = {} if wanted is None else {"notifications": wanted}
    assert code_of(say(conversation, modern("subscriptions/listen", params))) == wire.INVALID_PARAMS
    assert conversation.end() == []


def test_subscriptions_are_bounded() -> None:
    conversation = Conversation()
    for number in range(MOST_SUBSCRIPTIONS):
        answer_of(say(conversation, modern("subscriptions/listen", {"notifications": {}}, identity=number)))
    refused = say(conversation, modern("subscriptions/listen", {"notifications": {}}, identity="more"))
    assert code_of(refused) == wire.UNAVAILABLE


methods = st.sampled_from(["initialize", "ping", "tools/list", "tools/call", "server/discover", "subscriptions/listen"])
scalars = st.none() | st.booleans() | st.integers() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)
keys = st.sampled_from(["name", "arguments", "_meta", "cursor", "protocolVersion", "notifications", "requestId"])
identities = st.integers(-(2**53), 2**53) | st.text(max_size=20)


@UNHURRIED
@given(
    requests=st.lists(st.tuples(identities, methods, st.dictionaries(keys, values | st.just(META)))),
    handshake=st.booleans(),
)
def test_every_request_is_forwarded_or_answered_under_its_own_id(
    *, requests: list[tuple[object, str, dict[str, Any]]], handshake: bool
) -> None:
    conversation = greeted() if handshake else Conversation()
    for identity, method, params in requests:
        command = say(conversation, request(method, params, identity=identity))
        if isinstance(command, Forward):
            assert json.loads(command.identity) == identity
            continue
        answer = answer_of(command)
        if answer.get("method") == "notifications/subscriptions/acknowledged":
            assert answer["params"]["_meta"] == {SUBSCRIPTION: identity}
        else:
            assert answer["id"] == identity
            assert ("result" in answer) != ("error" in answer)


@UNHURRIED
@given(st.binary(max_size=200))
def test_no_bytes_do_any_harm(line: bytes) -> None:
    assert isinstance(say(Conversation(), line), Reply | Forward | Cancel)
