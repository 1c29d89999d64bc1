"""What a request of either era is answered, without sockets or clock."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.gateway import routing, session, wire
from mcphub_gitops.runtime.gateway.routing import LEGACY, MODERN
from mcphub_gitops.runtime.gateway.session import Cancel, Command, Forward, Reply, Request, Sessions
from mcphub_gitops.runtime.gateway.wire import Fault
from tests.support.gateway_hub import META, UNHURRIED, echo_entry, generation_of, modern_request, tool_entry

ACCENTED = "b\u00fcro"
REGION = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
MIRRORED = tool_entry({"name": "mirrored", "inputSchema": REGION})
TABLES = routing.build(
    generation_of(
        echo_entry(tools=[tool_entry("echo"), tool_entry("said", name="heard"), MIRRORED]),
        profiles={"support": {"path": "/support/mcp", "tools": ["echo"]}},
    ),
    version="1.2",
)
TABLE = TABLES[routing.WHOLE]
VERSION, CAPABILITIES, _ = META


class Clock:
    """Sessions with counted names, and the time."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  (whatever Sessions takes)
        self.names = 0
        self.now = 0.0
        self.sessions = Sessions(mint=self.mint, **settings)

    def mint(self) -> str:
        self.names += 1
        return f"s{self.names}"

    def ask(
        self,
        body: object,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        principal: str = "anna",
        profile: str = routing.WHOLE,
    ) -> Command:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        found = {name.encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
        return session.answer(Request(method, found, data, principal), TABLES[profile], self.sessions, self.now)

    def open(self, revision: str = "2025-11-25", *, profile: str = routing.WHOLE) -> str:
        reply = self.ask(message("initialize", {"protocolVersion": revision}), profile=profile)
        assert isinstance(reply, Reply)
        assert reply.status == 200
        return dict(reply.headers)[b"mcp-session-id"].decode()


def message(method: str, params: object = None, *, identity: object = 1) -> dict[str, Any]:
    found: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if identity is not None:
        found["id"] = identity
    return found if params is None else {**found, "params": params}


def modern(
    method: str, params: Mapping[str, Any] | None = None, *, headers: Mapping[str, str | None] | None = None
) -> Command:
    body, fields = modern_request(method, params)
    merged = {**fields, **(headers or {})}
    return Clock().ask(body, {name: value for name, value in merged.items() if value is not None})


def result_of(command: Command) -> Any:  # noqa: ANN401  (any JSON value)
    assert isinstance(command, Reply)
    assert command.status == 200
    return json.loads(command.body)["result"]


def error_of(command: Command) -> tuple[int, int]:
    """Return the HTTP status and the code of an error."""
    assert isinstance(command, Reply)
    return command.status, json.loads(command.body)["error"]["code"]


def test_discovery_names_the_revision_and_what_is_offered() -> None:
    found = result_of(modern("server/discover"))
    assert found["supportedVersions"] == [MODERN]
    assert found["capabilities"] == {"tools": {"listChanged": False}}
    assert found["resultType"] == "complete"
    assert found["cacheScope"] == "private"
    assert found["_meta"] == {"io.modelcontextprotocol/serverInfo": {"name": "acme", "version": "1.2"}}


def test_a_modern_list_has_every_tool_under_its_exposed_name() -> None:
    found = result_of(modern("tools/list"))
    assert [tool["name"] for tool in found["tools"]] == ["echo", "heard", "mirrored"]
    assert found["ttlMs"] == routing.TTL_MILLISECONDS


def test_a_modern_call_is_forwarded_to_the_tools_own_name() -> None:
    command = modern("tools/call", {"name": "heard", "arguments": {}})
    assert isinstance(command, Forward)
    assert (command.route.server, command.route.tool, command.modern) == ("echo", "said", True)
    assert command.identity == b"1"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"mcp-protocol-version": None}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-protocol-version": "2027-01-01"}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-method": None}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-method": "tools/list"}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-method": "Tools/Call"}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-name": None}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-name": "heard"}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-name": "=?base64?aGVhcmQ=?="}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-name": "=?base64?ZWNob?="}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-name": "=?base64?ZWNobx==?="}, (400, wire.HEADER_MISMATCH)),
        ({"mcp-name": "=?base64?\xff?="}, (400, wire.HEADER_MISMATCH)),
    ],
)
def test_headers_of_a_modern_request_must_say_what_its_body_says(
    headers: dict[str, str | None], expected: tuple[int, int]
) -> None:
    assert error_of(modern("tools/call", {"name": "echo"}, headers=headers)) == expected


def test_a_name_may_be_encoded_in_its_header() -> None:
    assert isinstance(modern("tools/call", {"name": "echo"}, headers={"mcp-name": "=?base64?ZWNobw==?="}), Forward)
    encoded = "=?base64?YsO8cm8=?="
    assert error_of(modern("tools/call", {"name": ACCENTED}, headers={"mcp-name": encoded})) == (
        400,
        wire.INVALID_PARAMS,
    )


@pytest.mark.parametrize("key", [VERSION, CAPABILITIES])
def test_a_modern_request_must_carry_its_envelope(key: str) -> None:
    meta = {name: value for name, value in META.items() if name != key}
    headers = {"mcp-protocol-version": MODERN, "mcp-method": "tools/list"}
    assert error_of(Clock().ask(message("tools/list", {"_meta": meta}), headers)) == (400, wire.INVALID_PARAMS)
    assert error_of(Clock().ask(message("tools/list"), headers)) == (400, wire.INVALID_PARAMS)


@pytest.mark.parametrize(
    "meta",
    [{**META, CAPABILITIES: []}, {**META, CAPABILITIES: None}, {**META, VERSION: 20260728}, {**META, VERSION: None}],
)
def test_an_envelope_of_the_wrong_types_is_refused(meta: dict[str, Any]) -> None:
    headers = {"mcp-protocol-version": MODERN, "mcp-method": "tools/list"}
    assert error_of(Clock().ask(message("tools/list", {"_meta": meta}), headers)) == (400, wire.INVALID_PARAMS)


def test_space_behind_a_header_is_no_part_of_it() -> None:
    spaced = {"mcp-protocol-version": f"{MODERN} ", "mcp-method": "tools/call\t", "mcp-name": "echo  "}
    assert isinstance(modern("tools/call", {"name": "echo"}, headers=spaced), Forward)


def test_a_mirrored_argument_must_be_in_its_header_in_the_modern_era_alone() -> None:
    arguments = {"name": "mirrored", "arguments": {"region": "eu"}}
    assert isinstance(modern("tools/call", arguments, headers={"mcp-param-region": "eu"}), Forward)
    assert error_of(modern("tools/call", arguments)) == (400, wire.HEADER_MISMATCH)
    assert error_of(modern("tools/call", arguments, headers={"mcp-param-region": "us"})) == (400, wire.HEADER_MISMATCH)
    clock = Clock()
    assert isinstance(clock.ask(message("tools/call", arguments), {"mcp-session-id": clock.open()}), Forward)


def test_an_unknown_revision_is_told_which_one_is_served() -> None:
    meta = {**META, VERSION: "2027-01-01"}
    headers = {"mcp-protocol-version": "2027-01-01", "mcp-method": "tools/list"}
    reply = Clock().ask(message("tools/list", {"_meta": meta}), headers)
    assert error_of(reply) == (400, wire.UNSUPPORTED_VERSION)
    assert isinstance(reply, Reply)
    assert json.loads(reply.body)["error"]["data"] == {"supported": [MODERN], "requested": "2027-01-01"}


@pytest.mark.parametrize("method", ["initialize", "ping", "prompts/list", "logging/setLevel", "nonsense"])
def test_an_unknown_modern_method_is_not_found(method: str) -> None:
    assert error_of(modern(method)) == (404, wire.METHOD_NOT_FOUND)


def test_an_error_repeats_the_id_of_its_request() -> None:
    reply = Clock().ask(message("nonsense", {"_meta": META}, identity="x"), {"mcp-protocol-version": MODERN})
    assert isinstance(reply, Reply)
    assert json.loads(reply.body)["id"] == "x"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, wire.INVALID_PARAMS),
        ({"name": 7}, wire.INVALID_PARAMS),
        ({"name": "said"}, wire.INVALID_PARAMS),
        ({"name": "echo", "arguments": []}, wire.INVALID_PARAMS),
        ({"name": "echo", "arguments": "text"}, wire.INVALID_PARAMS),
    ],
)
def test_a_call_of_nothing_that_is_offered_is_refused_in_both_eras(params: dict[str, Any], code: int) -> None:
    clock = Clock()
    headers = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": str(params.get("name"))}
    found = error_of(clock.ask(message("tools/call", {**params, "_meta": META}), headers))
    assert found in [(400, code), (400, wire.HEADER_MISMATCH)]
    legacy = clock.ask(message("tools/call", params), {"mcp-session-id": clock.open()})
    assert error_of(legacy) == (200, code)


def test_a_cursor_was_never_given_out() -> None:
    assert error_of(modern("tools/list", {"cursor": "x"})) == (400, wire.INVALID_PARAMS)


def test_modern_notifications_are_accepted_and_responses_are_not() -> None:
    clock = Clock()
    headers = {"mcp-protocol-version": MODERN}
    cancelled = message("notifications/cancelled", {"requestId": 1}, identity=None)
    assert clock.ask(cancelled, headers) == Reply(202)
    assert error_of(clock.ask({"jsonrpc": "2.0", "id": 1, "result": {}}, headers)) == (400, wire.INVALID_REQUEST)
    assert error_of(clock.ask(cancelled, {"mcp-protocol-version": "2031-01-01"})) == (400, wire.UNSUPPORTED_VERSION)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]'])
def test_what_is_no_message_is_a_bad_request_in_both_eras(body: bytes) -> None:
    clock = Clock()
    for headers in ({"mcp-protocol-version": MODERN}, {"mcp-session-id": clock.open()}, {}):
        status, code = error_of(clock.ask(body, headers))
        assert status == 400
        assert code in {wire.PARSE_ERROR, wire.INVALID_REQUEST}


@pytest.mark.parametrize("revision", LEGACY)
def test_a_handshake_agrees_on_every_known_revision(revision: str) -> None:
    clock = Clock()
    reply = clock.ask(message("initialize", {"protocolVersion": revision}))
    assert result_of(reply) == {
        "protocolVersion": revision,
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": "acme", "version": "1.2"},
    }
    assert isinstance(reply, Reply)
    headers = {"mcp-session-id": dict(reply.headers)[b"mcp-session-id"].decode(), "mcp-protocol-version": revision}
    assert clock.ask(message("notifications/initialized", identity=None), headers) == Reply(202)
    assert [tool["name"] for tool in result_of(clock.ask(message("tools/list"), headers))["tools"]] == [
        "echo",
        "heard",
        "mirrored",
    ]
    assert result_of(clock.ask(message("ping"), headers)) == {}
    forward = clock.ask(message("tools/call", {"name": "echo"}), headers)
    assert isinstance(forward, Forward)
    assert not forward.modern


@pytest.mark.parametrize("revision", ["2024-11-05", MODERN, "2099-01-01", ""])
def test_a_handshake_about_another_revision_is_answered_with_the_newest_of_its_era(revision: str) -> None:
    assert result_of(Clock().ask(message("initialize", {"protocolVersion": revision})))["protocolVersion"] == LEGACY[0]


@pytest.mark.parametrize("params", [{}, {"protocolVersion": 7}])
def test_a_handshake_without_a_revision_is_refused(params: dict[str, Any]) -> None:
    assert error_of(Clock().ask(message("initialize", params))) == (200, wire.INVALID_PARAMS)


def test_a_legacy_request_needs_its_own_living_session() -> None:
    clock = Clock()
    mine = clock.open()
    assert error_of(clock.ask(message("tools/list"))) == (400, wire.INVALID_REQUEST)
    assert error_of(clock.ask(message("tools/list"), {"mcp-session-id": "other"})) == (404, wire.INVALID_REQUEST)
    foreign = clock.ask(message("tools/list"), {"mcp-session-id": mine}, principal="berta")
    assert error_of(foreign) == (404, wire.INVALID_REQUEST)
    assert result_of(clock.ask(message("ping"), {"mcp-session-id": mine})) == {}


@pytest.mark.parametrize("version", ["2025-06-18", "2024-11-05", "nonsense"])
def test_a_session_keeps_to_the_revision_that_was_agreed(version: str) -> None:
    clock = Clock()
    headers = {"mcp-session-id": clock.open("2025-11-25"), "mcp-protocol-version": version}
    assert error_of(clock.ask(message("ping"), headers)) == (400, wire.INVALID_REQUEST)


def test_a_deleted_session_is_gone() -> None:
    clock = Clock()
    headers = {"mcp-session-id": clock.open()}
    assert error_of(clock.ask(b"", headers, method="DELETE", principal="berta")) == (404, wire.INVALID_REQUEST)
    assert clock.ask(b"", headers, method="DELETE") == Reply(204)
    assert error_of(clock.ask(b"", headers, method="DELETE")) == (404, wire.INVALID_REQUEST)
    assert error_of(clock.ask(message("ping"), headers)) == (404, wire.INVALID_REQUEST)


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "DELETE", "HEAD"])
def test_other_methods_are_not_allowed(method: str) -> None:
    reply = Clock().ask(b"", method=method)
    assert isinstance(reply, Reply)
    assert (reply.status, dict(reply.headers)[b"allow"]) == (405, b"POST, DELETE")


def test_a_session_is_forgotten_when_it_is_not_used() -> None:
    clock = Clock(idle=10.0)
    old, used = clock.open(), clock.open()
    clock.now = 9.0
    assert result_of(clock.ask(message("ping"), {"mcp-session-id": used})) == {}
    clock.now = 10.5
    assert error_of(clock.ask(message("ping"), {"mcp-session-id": old})) == (404, wire.INVALID_REQUEST)
    assert result_of(clock.ask(message("ping"), {"mcp-session-id": used})) == {}
    assert len(clock.sessions) == 1


def test_there_is_a_limit_to_sessions() -> None:
    clock = Clock(limit=2, idle=10.0)
    clock.open()
    clock.open()
    assert error_of(clock.ask(message("initialize", {"protocolVersion": LEGACY[0]}))) == (503, wire.UNAVAILABLE)
    clock.now = 11.0
    clock.open()


def test_a_cancellation_names_the_session_and_the_id_as_it_was_written() -> None:
    clock = Clock()
    mine = clock.open()
    cancelled = message("notifications/cancelled", {"requestId": "7"}, identity=None)
    assert clock.ask(cancelled, {"mcp-session-id": mine}) == Cancel(mine, b'"7"')
    silent = message("notifications/cancelled", {}, identity=None)
    assert clock.ask(silent, {"mcp-session-id": mine}) == Reply(202)


def test_legacy_errors_are_successful_exchanges() -> None:
    clock = Clock()
    headers = {"mcp-session-id": clock.open()}
    assert error_of(clock.ask(message("prompts/list"), headers)) == (200, wire.METHOD_NOT_FOUND)
    assert error_of(clock.ask(message("tools/list", {"cursor": "x"}), headers)) == (200, wire.INVALID_PARAMS)


@pytest.mark.parametrize(
    ("code", "status"),
    [(-32602, 400), (-32601, 404), (-32700, 400), (-32021, 400), (-32603, 200), (-32000, 200), (-32042, 200), (1, 200)],
)
def test_a_servers_error_has_its_status_in_the_modern_era_alone(code: int, status: int) -> None:
    forward = modern("tools/call", {"name": "echo"})
    assert isinstance(forward, Forward)
    answer = wire.read(b'{"jsonrpc":"2.0","id":9,"error":{"code":%d,"message":"m"}}' % code)
    assert error_of(session.finish(forward, answer)) == (status, code)
    clock = Clock()
    legacy = clock.ask(message("tools/call", {"name": "echo"}), {"mcp-session-id": clock.open()})
    assert isinstance(legacy, Forward)
    assert error_of(session.finish(legacy, answer)) == (200, code)


def test_a_call_that_failed_on_the_way_is_answered_with_its_fault() -> None:
    forward = modern("tools/call", {"name": "echo"})
    assert isinstance(forward, Forward)
    assert error_of(session.finish(forward, Fault(wire.TIMED_OUT, "m"))) == (200, wire.TIMED_OUT)


json_values = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3))


@UNHURRIED
@given(
    st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]), json_values),
    st.dictionaries(
        st.sampled_from(["mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name"]),
        st.sampled_from(["2026-07-28", "2025-11-25", "s1", "tools/call", "echo", "=?base64??=", "\xff"]),
    ),
    st.sampled_from(["POST", "GET", "DELETE"]),
)
def test_any_request_has_an_answer(body: dict[str, Any], headers: dict[str, str], method: str) -> None:
    clock = Clock()
    clock.open()
    command = clock.ask({"jsonrpc": "2.0", **body}, headers, method=method)
    if isinstance(command, Reply) and command.body:
        assert json.loads(command.body)["jsonrpc"] == "2.0"


@pytest.mark.parametrize("name", ["heard", "nothing"])
def test_a_tool_that_a_profile_does_not_have_is_as_unknown_as_one_that_there_is_not(name: str) -> None:
    body, headers = modern_request("tools/call", {"name": name})
    refused = Clock().ask(body, headers, profile="support")
    assert error_of(refused) == (400, -32602)
    clock = Clock()
    session_id = {"mcp-session-id": clock.open(profile="support")}
    again = clock.ask(message("tools/call", {"name": name}), session_id, profile="support")
    for command in (refused, again):
        assert isinstance(command, Reply)
        assert json.loads(command.body)["error"]["message"] == "The tool is unknown"


def test_a_profile_lists_its_tools_and_forwards_their_calls_in_both_eras() -> None:
    clock = Clock()
    session_id = {"mcp-session-id": clock.open(profile="support")}
    modern_list = clock.ask(*modern_request("tools/list"), profile="support")
    for listed in (modern_list, clock.ask(message("tools/list"), session_id, profile="support")):
        assert [tool["name"] for tool in result_of(listed)["tools"]] == ["echo"]
    called = clock.ask(message("tools/call", {"name": "echo"}), session_id, profile="support")
    forwarded = clock.ask(*modern_request("tools/call", {"name": "echo"}), profile="support")
    for command in (called, forwarded):
        assert isinstance(command, Forward)
        assert (command.tool, command.profile) == ("echo", "support")


@pytest.mark.parametrize(("opened", "used"), [("support", routing.WHOLE), (routing.WHOLE, "support")])
def test_a_session_belongs_to_the_path_where_it_was_opened(opened: str, used: str) -> None:
    clock = Clock()
    session_id = {"mcp-session-id": clock.open(profile=opened)}
    assert error_of(clock.ask(message("tools/list"), session_id, profile=used)) == (404, -32600)
    assert error_of(clock.ask(b"", session_id, method="DELETE", profile=used)) == (404, -32600)
    assert result_of(clock.ask(message("tools/list"), session_id, profile=opened))["tools"]
