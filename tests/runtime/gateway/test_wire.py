"""What a message is, and that what is relayed stays as it was."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.wire import Fault, Raw
from tests.support.gateway_hub import UNHURRIED

REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}'

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
spaces = st.text(" \t\r\n", max_size=3)


def fault_of(data: bytes) -> Fault:
    with pytest.raises(Fault) as raised:
        wire.read(data)
    return raised.value


@st.composite
def spelt(draw: st.DrawFn, value: object, *, lines: bool = True) -> str:
    """Draw one of the many texts that stand for the JSON value."""
    space = spaces if lines else st.text(" \t", max_size=3)
    if isinstance(value, dict):
        members = [
            f"{draw(space)}{json.dumps(key, ensure_ascii=draw(st.booleans()))}{draw(space)}:"
            f"{draw(space)}{draw(spelt(inner, lines=lines))}{draw(space)}"
            for key, inner in value.items()
        ]
        return "{" + ",".join(members) + "}"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@st.composite
def request_texts(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """Draw a request with its members in any order, spelling and space."""
    params: dict[str, Any] = draw(st.dictionaries(texts.filter(lambda key: not is_protocol_name(key)), values))
    params["arguments"] = draw(values)
    params = {key: params[key] for key in draw(st.permutations(list(params)))}
    message = {
        "jsonrpc": "2.0",
        "id": draw(st.integers(-(2**53), 2**53) | texts.filter(lambda text: len(json.dumps(text)) < 200)),
        "method": draw(texts),
        "params": params,
    }
    message = {key: message[key] for key in draw(st.permutations(list(message)))}
    return message, draw(spaces) + draw(spelt(message)) + draw(spaces)


def is_protocol_name(key: str) -> bool:
    return key.casefold() in {
        *("jsonrpc", "id", "method", "params", "result", "error", "name", "arguments", "cursor", "_meta", "uri"),
        *("inputresponses", "requeststate"),
    }


@UNHURRIED
@given(request_texts())
def test_a_request_is_read_whatever_its_spelling(drawn: tuple[dict[str, Any], str]) -> None:
    message, text = drawn
    found = wire.read(text.encode())
    assert found.id is not None
    assert json.loads(found.id) == message["id"]
    assert found.method == message["method"]
    assert {key: json.loads(bytes(raw)) for key, raw in found.params.items()} == message["params"]
    assert list(found.params) == list(message["params"])
    assert all(bytes(raw).decode() in text for raw in found.params.values())


@UNHURRIED
@given(request_texts())
def test_a_request_goes_out_as_one_line_with_the_same_meaning(drawn: tuple[dict[str, Any], str]) -> None:
    message, text = drawn
    found = wire.read(text.encode())
    line = wire.request(7, "tools/call", wire.join(dict(found.params)))
    assert line.endswith(b"\n")
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line) == {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": message["params"]}


@UNHURRIED
@given(values.flatmap(lambda value: spelt(value, lines=False)), st.permutations(["jsonrpc", "id", "result"]), spaces)
def test_a_result_is_relayed_byte_for_byte(result: str, order: list[str], space: str) -> None:
    members = {"jsonrpc": '"2.0"', "id": "5", "result": result}
    line = "{" + ",".join(f'{space}"{key}":{space}{members[key]}' for key in order) + "}"
    found = wire.read(line.encode())
    assert found.id == b"5"
    assert found.method is None
    assert found.result is not None
    assert bytes(found.result) == result.encode()
    assert wire.result(b'"x"', found.result) == b'{"jsonrpc":"2.0","id":"x","result":' + result.encode() + b"}"


@UNHURRIED
@given(st.dictionaries(texts, values, max_size=4).filter(lambda found: "resultType" not in found), st.data())
def test_a_lifted_result_says_that_it_is_complete_and_nothing_else(result: dict[str, Any], data: st.DataObject) -> None:
    text = data.draw(spelt(result))
    raw = wire.read(b'{"jsonrpc":"2.0","id":1,"result":' + text.encode() + b"}").result
    assert raw is not None
    assert wire.result_type(raw) is None
    lifted = wire.complete(raw)
    assert json.loads(lifted) == {**result, "resultType": "complete"}
    assert wire.result_type(Raw(lifted)) == "complete"
    assert lifted.endswith(text[1:].lstrip().encode())


@UNHURRIED
@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_a_fault(data: bytes) -> None:
    try:
        wire.read(data)
    except Fault as reason:
        assert reason.code in {wire.PARSE_ERROR, wire.INVALID_REQUEST, wire.INVALID_PARAMS}  # noqa: PT017


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"'",
        REQUEST + b"x",
        REQUEST * 2,
        b"\xef\xbb\xbf" + REQUEST,
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":NaN}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":Infinity}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":01}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1.}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"\\ud800"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"\xff"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"\xed\xa0\x80"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"a\nb"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"\\\xe2\x80\xa8"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":[1,]}}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    ],
)
def test_what_is_not_json_is_a_parse_error(data: bytes) -> None:
    assert fault_of(data).code == wire.PARSE_ERROR


@pytest.mark.parametrize(
    "data",
    [
        b"null",
        b"7",
        b'"text"',
        b"[]",
        b"[" + REQUEST + b"]",
        b"{}",
        b'{"id":1,"method":"a"}',
        b'{"jsonrpc":"1.0","id":1,"method":"a"}',
        b'{"jsonrpc":2.0,"id":1,"method":"a"}',
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"method":7}',
        b'{"jsonrpc":"2.0","id":1,"method":null}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}',
        b'{"jsonrpc":"2.0","id":1,"method":"a","params":null}',
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"m"}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"m"}}',
        b'{"jsonrpc":"2.0","id":1,"error":"text"}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":null,"result":{}}',
    ],
)
def test_json_that_is_no_single_message_is_an_invalid_request(data: bytes) -> None:
    assert fault_of(data).code == wire.INVALID_REQUEST


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"jsonrpc":"2.0","id":1,"id":1,"method":"a"}', "side by side"),
        (b'{"jsonrpc":"2.0","id":1,"method":"a","id":2}', "apart"),
        (b'{"jsonrpc":"2.0","id":1,"method":"a","\\u0069d":2}', "escaped"),
        (b'{ "jsonrpc" : "2.0" , "id" : 1 , "method" : "a" , "id" : 1 }', "with space"),
        (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"a","name":"b"}}', "in the parameters"),
        (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"a","\\u006eame":"b"}}', "escaped parameter"),
        (b'{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"result":{}}', "in a response"),
        ('{"jsonrpc":"2.0","id":1,"method":"a","é":1,"\\u00e9":1}'.encode(), "beyond ASCII"),
    ],
)
def test_a_repeated_key_is_refused(data: bytes, where: str) -> None:
    assert fault_of(data).code == wire.INVALID_REQUEST, where


@pytest.mark.parametrize("key", ["ID", "Method", "Params", "JSONRPC", "Result", "meth\u0130d".replace("\u0130", "O")])
def test_a_key_that_differs_from_a_member_in_case_alone_is_refused(key: str) -> None:
    assert fault_of(b'{"jsonrpc":"2.0","id":1,"method":"a","' + key.encode() + b'":1}').code == wire.INVALID_REQUEST


@pytest.mark.parametrize("key", ["Name", "ARGUMENTS", "argument\u017f", "_Meta", "InputResponses", "requeststate"])
def test_a_parameter_that_differs_from_a_member_in_case_alone_is_refused(key: str) -> None:
    data = '{"jsonrpc":"2.0","id":1,"method":"a","params":{"' + key + '":1}}'
    assert fault_of(data.encode()).code == wire.INVALID_REQUEST


def test_unknown_members_are_kept() -> None:
    found = wire.read(b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"later":{"Name":1}},"more":2}')
    assert bytes(found.params["later"]) == b'{"Name":1}'


@pytest.mark.parametrize(
    "identity",
    ["0", "-1", "9007199254740992", "-9007199254740992", '"a"', '""', '"\\u0061"', '"1"', '"é"', '"' + "x" * 254 + '"'],
)
def test_an_id_is_kept_as_it_was_written(identity: str) -> None:
    data = f'{{"jsonrpc":"2.0","id": {identity} ,"method":"a"}}'.encode()
    assert wire.read(data).id == identity.encode()


@pytest.mark.parametrize(
    "identity",
    ["1.0", "1e0", "9007199254740993", "-9007199254740993", "9" * 400, "true", "[1]", "{}", '"' + "x" * 255 + '"'],
)
def test_an_id_that_readers_disagree_on_is_refused(identity: str) -> None:
    data = f'{{"jsonrpc":"2.0","id":{identity},"method":"a"}}'.encode()
    assert fault_of(data).code == wire.INVALID_REQUEST


def test_a_fault_carries_the_id_of_its_message_where_it_can_be_read() -> None:
    assert fault_of(b'{"jsonrpc":"1.0","id":"x","method":"a"}').identity == b'"x"'
    assert fault_of(b'{"jsonrpc":"2.0","id":4,"error":{}}').identity == b"4"
    assert fault_of(b'{"jsonrpc":"2.0","id":4.5,"method":"a"}').identity is None


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (b'{"jsonrpc":"2.0","id":12,"result":{"text":"\\ud800"}}', b"12"),
        (b' { "jsonrpc" : "2.0" , "id" : 12 , broken', b"12"),
        (b'{"id":"a","jsonrpc":"2.0","result":broken', b'"a"'),
        (b'{"jsonrpc":"2.0","result":{"id":12,', None),
        (b'{"jsonrpc":"2.0","id":12', None),
        (b'{"jsonrpc":"2.0","id":12.5,', None),
        (b'x{"id":1,', None),
        (b"", None),
    ],
)
def test_the_id_that_opens_a_broken_message_is_found(line: bytes, identity: bytes | None) -> None:
    assert wire.opening_identity(line) == identity


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (b'{"id":12,"jsonrpc":"2.0","method":broken', b"12"),
        (b'{"method":broken,"jsonrpc":"2.0","id":12}', b"12"),
        (b'{"method":"a","params":{"x":"\\ud800"}, "id" : "a" } ', b'"a"'),
        (b'{"method":"a","params":{"x":1,"id":12}}', None),
        (b'{"method":"a","params":{"x":",\\"id\\":12}', None),
        (b'{"method":"a","params":{"x":"\\\\","id":12}', b"12"),
        (b'{"method":"a","id":12.5}', None),
        (b'{"method":"a","id":12}]', None),
    ],
)
def test_the_id_at_either_end_of_a_broken_message_is_found(line: bytes, identity: bytes | None) -> None:
    assert wire.outer_identity(line) == identity


def test_an_error_beside_a_null_result_is_an_error_and_the_reverse() -> None:
    failed = wire.read(b'{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":-5,"message":"m"}}')
    assert failed.result is None
    assert failed.error is not None
    assert wire.error_code(failed.error) == -5
    good = wire.read(b'{"jsonrpc":"2.0","id":1,"result":{},"error":null}')
    assert good.error is None
    assert good.result is not None


@pytest.mark.parametrize("result", [b"7", b"[]", b"null", b'{"resultType":7}', b'{"resultType":null}'])
def test_a_result_that_is_no_object_or_names_no_type_is_the_servers_fault(result: bytes) -> None:
    with pytest.raises(Fault) as raised:
        wire.result_type(Raw(result))
    assert raised.value.code == wire.INTERNAL_ERROR


def test_line_breaks_that_only_some_readers_know_are_escaped() -> None:
    line = wire.request(1, "m", '{"a\u2028":"\u2029\x85"}'.encode())
    assert line == b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a\\u2028":"\\u2029\\u0085"}}\n'
    assert wire.notification("m", b'{\r\n"a":1\n}') == b'{"jsonrpc":"2.0","method":"m","params":{  "a":1 }}\n'


def test_a_fault_is_answered_with_its_data_and_without_an_id_with_null() -> None:
    reason = Fault(-32022, 'no "such" version', data={"supported": ["x"]})
    assert json.loads(wire.fault(b"3", reason)) == {
        "jsonrpc": "2.0",
        "id": 3,
        "error": {"code": -32022, "message": 'no "such" version', "data": {"supported": ["x"]}},
    }
    assert json.loads(wire.fault(None, Fault(-32700, "m"))) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": "m"},
    }


def test_a_key_of_megabytes_costs_no_more_than_its_length() -> None:
    key = b"\\n" * 2_000_000
    data = b'{ "jsonrpc":"2.0","id":1,"method":"a","params":{ "' + key + b'":1}}'
    assert len(wire.read(data).params) == 1


LINES = [
    REQUEST,
    b'{"jsonrpc":"2.0","id":1,"result":{}}',
    b'{"id":1,"result":{"a":[1]},"jsonrpc":"2.0"}',
    b'{"jsonrpc":"1.0","id":1,"result":{}}',
    b'{"jsonrpc":"1.0","id":1,"method":"a","params":{}}',
    b'{"jsonrpc":"2.0","id":1,"result":{},"result":{}}',
    b'{"jsonrpc":"2.0","id":1,"result":{},"error":null}',
    b'{"jsonrpc":"2.0","id":1,"method":"a","params":{},"result":{}}',
    b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":1,"a":1}}',
    b'{"jsonrpc":"2.0","id":1,"method":"a","params":[]}',
    b'{"jsonrpc":"2.0","method":"a","params":{}}',
    b'{"jsonrpc":"2.0","id":1.5,"result":{}}',
    '{"jsonrpc":"2.0","id":"é","method":"é","params":{"é":1}}'.encode(),
    b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}',
    b'{"jsonrpc":"2.0","id":1,"result":{"x":"\\ud800"}}',
    b'{"jsonrpc":"2.0","id":1,"result":"\xff"}',
]


@pytest.mark.parametrize("line", LINES)
def test_the_short_ways_of_reading_find_what_the_long_one_finds(line: bytes) -> None:
    spaced = line.replace(b'"jsonrpc"', b' "jsonrpc"', 1)
    assert outcome(wire.read, line) == outcome(wire.read_reply, line) == outcome(wire.read, spaced)


def outcome(read: Callable[[bytes], wire.Message], line: bytes) -> tuple[object, ...]:
    try:
        found = read(line)
    except Fault as reason:
        return reason.code, reason.message, reason.identity
    members = {key: bytes(value) for key, value in found.params.items()}
    values = [None if raw is None else bytes(raw) for raw in (found.result, found.error)]
    return found.id, found.method, members, *values
