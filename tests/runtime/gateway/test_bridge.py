"""What crosses between the eras, and what does not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.gateway import bridge, wire
from mcphub_gitops.runtime.gateway.wire import Fault
from tests.runtime.gateway.test_wire import texts, values
from tests.support.gateway_hub import CLIENT, META, UNHURRIED

VERSION, CAPABILITIES, ABOUT = META


def sent(params: dict[str, Any], *, from_modern: bool, to_modern: bool) -> dict[str, Any]:
    members = wire.members(json.dumps(params).encode())
    line = bridge.call_params(members, name=b'"own"', from_modern=from_modern, to_modern=to_modern, client=CLIENT)
    found: dict[str, Any] = json.loads(line)
    return found


def answered(answer: str, *, to_modern: bool, capabilities: dict[str, Any] | None = None) -> tuple[Any, int | None]:
    message = wire.read(f'{{"jsonrpc":"2.0","id":1,{answer}}}'.encode())
    meta = {**META, CAPABILITIES: capabilities or {}}
    params = wire.members(json.dumps({"name": "exposed", "_meta": meta} if to_modern else {"name": "exposed"}).encode())
    line, code = bridge.response(message, identity=b'"mine"', params=params, to_modern=to_modern)
    return json.loads(line), code


def test_a_modern_call_to_a_modern_server_keeps_its_meta() -> None:
    params = {"name": "exposed", "arguments": {"a": 1}, "_meta": {**META, "x": [1]}}
    assert sent(params, from_modern=True, to_modern=True) == {
        "name": "own",
        "arguments": {"a": 1},
        "_meta": {**META, "x": [1]},
    }


def test_a_modern_call_to_a_legacy_server_loses_the_envelope_and_nothing_else() -> None:
    params = {"name": "exposed", "_meta": {**META, "traceparent": "00-1"}}
    assert sent(params, from_modern=True, to_modern=False) == {"name": "own", "_meta": {"traceparent": "00-1"}}
    assert sent({"name": "exposed", "_meta": META}, from_modern=True, to_modern=False) == {"name": "own"}


def test_a_legacy_call_to_a_modern_server_gets_the_gateways_own_envelope() -> None:
    forged = {VERSION: "1999-01-01", CAPABILITIES: {"sampling": {}}, ABOUT: {"name": "forged"}}
    assert sent({"name": "exposed", "_meta": {**forged, "x": 1}}, from_modern=False, to_modern=True) == {
        "name": "own",
        "_meta": {"x": 1, VERSION: "2026-07-28", CAPABILITIES: {}, ABOUT: json.loads(CLIENT)},
    }


def test_a_legacy_call_to_a_legacy_server_has_no_meta_unless_it_had() -> None:
    assert sent({"name": "exposed"}, from_modern=False, to_modern=False) == {"name": "own"}
    assert sent({"name": "exposed", "_meta": {"x": 1}}, from_modern=False, to_modern=False) == {
        "name": "own",
        "_meta": {"x": 1},
    }


@pytest.mark.parametrize("from_modern", [True, False])
@pytest.mark.parametrize("to_modern", [True, False])
def test_neither_progress_nor_log_is_asked_for_as_it_could_not_be_delivered(
    *, from_modern: bool, to_modern: bool
) -> None:
    meta = {**META, "progressToken": 7, "io.modelcontextprotocol/logLevel": "debug", "x": 1}
    found = sent({"name": "exposed", "_meta": meta}, from_modern=from_modern, to_modern=to_modern)
    assert found["_meta"]["x"] == 1
    assert not {"progressToken", "io.modelcontextprotocol/logLevel"} & found["_meta"].keys()


def test_the_wish_for_a_task_is_ignored_as_none_is_offered() -> None:
    assert sent({"task": {"ttl": 1}, "name": "exposed"}, from_modern=False, to_modern=False) == {"name": "own"}


def test_the_answers_of_a_retried_call_are_passed_on() -> None:
    params = {"name": "exposed", "requestState": "s", "inputResponses": {"q": {"action": "accept"}}, "_meta": META}
    assert sent(params, from_modern=True, to_modern=True) == {**params, "name": "own"}


protocol_keys = {"name", "arguments", "_meta", "task"}


@UNHURRIED
@given(
    st.dictionaries(texts.filter(lambda key: key not in protocol_keys), values, max_size=3),
    st.dictionaries(texts, values, max_size=2),
    st.tuples(st.booleans(), st.booleans()),
)
def test_arguments_and_unknown_members_reach_the_server_unchanged(
    others: dict[str, Any], arguments: dict[str, Any], eras: tuple[bool, bool]
) -> None:
    found = sent({**others, "arguments": arguments}, from_modern=eras[0], to_modern=eras[1])
    found.pop("_meta", None)
    assert found == {**others, "arguments": arguments, "name": "own"}


def test_a_result_without_a_type_is_complete_for_a_modern_client() -> None:
    assert answered('"result":{"content":[]}', to_modern=True)[0]["result"] == {
        "resultType": "complete",
        "content": [],
    }
    assert answered('"result":{"content":[]}', to_modern=False)[0]["result"] == {"content": []}
    assert answered('"result":{}', to_modern=True) == (
        {"jsonrpc": "2.0", "id": "mine", "result": {"resultType": "complete"}},
        None,
    )


ELICITATION = {"method": "elicitation/create", "params": {"mode": "form", "message": "m", "requestedSchema": {}}}


@pytest.mark.parametrize(
    ("asked", "capabilities"),
    [
        ({"inputRequests": {"q": ELICITATION}, "requestState": "s"}, {"elicitation": {}}),
        ({"inputRequests": {"r": {"method": "roots/list"}, "q": ELICITATION}}, {"elicitation": {}, "roots": {}}),
        ({"inputRequests": {"q": {"method": "sampling/createMessage", "params": {}}}}, {"sampling": {"tools": {}}}),
        ({"requestState": "s"}, {}),
        ({"requestState": "s", "inputRequests": {}}, {}),
    ],
)
def test_the_wish_for_further_input_reaches_a_modern_client_that_can_be_asked(
    asked: dict[str, Any], capabilities: dict[str, Any]
) -> None:
    result = {"resultType": "input_required", **asked}
    answer = f'"result":{json.dumps(result)}'
    assert answered(answer, to_modern=True, capabilities=capabilities)[0]["result"] == result
    with pytest.raises(Fault) as raised:
        answered(answer, to_modern=False)
    assert raised.value.code == wire.INPUT_REQUIRED


@pytest.mark.parametrize(
    ("asked", "capabilities", "code"),
    [
        ({"inputRequests": {"q": ELICITATION}}, {}, wire.INPUT_REQUIRED),
        ({"inputRequests": {"q": ELICITATION, "r": {"method": "roots/list"}}}, {"roots": {}}, wire.INPUT_REQUIRED),
        ({"inputRequests": {"q": {"method": "tools/list"}}}, {"elicitation": {}, "tools": {}}, wire.INPUT_REQUIRED),
        ({}, {"elicitation": {}}, wire.INTERNAL_ERROR),
        ({"inputRequests": [ELICITATION]}, {"elicitation": {}}, wire.INTERNAL_ERROR),
        ({"inputRequests": {"q": {}}}, {"elicitation": {}}, wire.INTERNAL_ERROR),
        ({"requestState": 7}, {}, wire.INTERNAL_ERROR),
    ],
)
def test_a_server_cannot_ask_for_what_the_client_did_not_offer(
    asked: dict[str, Any], capabilities: dict[str, Any], code: int
) -> None:
    answer = f'"result":{json.dumps({"resultType": "input_required", **asked})}'
    with pytest.raises(Fault) as raised:
        answered(answer, to_modern=True, capabilities=capabilities)
    assert raised.value.code == code


@pytest.mark.parametrize("kind", ["task", "later", "Complete", ""])
@pytest.mark.parametrize("to_modern", [True, False])
def test_a_kind_of_result_that_nobody_offered_is_not_passed_on(kind: str, *, to_modern: bool) -> None:
    with pytest.raises(Fault) as raised:
        answered(f'"result":{{"resultType":"{kind}"}}', to_modern=to_modern)
    assert raised.value.code == wire.INTERNAL_ERROR


def test_a_servers_error_is_passed_on_whole() -> None:
    error = {"code": -32042, "message": "m", "data": {"deep": [1]}}
    for to_modern in (True, False):
        found, code = answered(f'"error":{json.dumps(error)}', to_modern=to_modern)
        assert found == {"jsonrpc": "2.0", "id": "mine", "error": error}
        assert code == -32042


@pytest.mark.parametrize("code", [wire.HEADER_MISMATCH, wire.UNSUPPORTED_VERSION])
def test_an_error_about_the_gateways_own_framing_is_not_passed_on(code: int) -> None:
    with pytest.raises(Fault) as raised:
        answered(f'"error":{{"code":{code},"message":"m"}}', to_modern=True)
    assert raised.value.code == wire.INTERNAL_ERROR


@pytest.mark.parametrize("key", ["progressToken", "progress\\u0054oken", "io.modelcontextprotocol\\/logLevel"])
def test_no_spelling_of_a_wish_gets_past(key: str) -> None:
    meta = json.dumps(META)[:-1] + f',"{key}":7}}'
    members = wire.members(b'{"_meta":' + meta.encode() + b"}")
    line = bridge.call_params(members, name=b'"own"', from_modern=True, to_modern=True, client=CLIENT)
    assert json.loads(line)["_meta"] == META


def test_a_meta_without_such_a_wish_is_passed_on_byte_for_byte() -> None:
    meta = json.dumps({**META, "x": "é"}, indent=1, ensure_ascii=False).encode()
    members = wire.members(b'{"_meta":' + meta + b"}")
    line = bridge.call_params(members, name=b'"own"', from_modern=True, to_modern=True, client=CLIENT)
    assert line == b'{"name":"own","_meta":' + meta + b"}"
