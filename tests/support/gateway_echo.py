"""A stdio server on the standard library alone that does what it is told, well or badly.

    gateway_echo.py [--era modern|legacy|both] [--fault NAME] [--tools NAME,...] [--note TEXT] [--start-after SECONDS]

What a tool does is its name; all have the same form. `said` returns every line that the server was sent.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CHANGED = json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}) + "\n"


def definition(name: str, note: str = "") -> dict[str, Any]:
    """Return what the server says of a tool."""
    return {"name": name, "description": f"Does {name}.{note}", "inputSchema": {"type": "object"}}


def put(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@dataclass
class Call:
    """One request, and the way to answer it."""

    server: "Echo"
    id: object
    params: dict[str, Any]

    @property
    def arguments(self) -> dict[str, Any]:
        found = self.params.get("arguments") or {}
        assert isinstance(found, dict)
        return found

    def put(self, member: str, value: object, identity: object = None) -> None:
        put(json.dumps({"jsonrpc": "2.0", "id": self.id if identity is None else identity, member: value}) + "\n")

    def result(self, **result: object) -> None:
        modern = VERSION_KEY in (self.params.get("_meta") or {})
        self.put("result", {"resultType": "complete", **result} if modern else result)

    def text(self, text: str) -> None:
        self.result(content=[{"type": "text", "text": text}])

    def error(self, code: int, message: str) -> None:
        self.put("error", {"code": code, "message": message})


@dataclass
class Echo:
    """How the server was told to be, and what it heard."""

    era: str
    fault: str
    tools: list[dict[str, Any]]
    said: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        self.said.append(line)
        message = json.loads(line)
        if "method" not in message or "id" not in message:
            return
        call = Call(self, message["id"], message.get("params") or {})
        METHODS.get(message["method"], unknown)(call)


def unknown(call: Call) -> None:
    call.error(-32601, "Method not found")


def discover(call: Call) -> None:
    if call.server.fault == "dies of discover":
        os._exit(7)
    if call.server.fault == "silent on discover":
        return
    if call.server.era == "legacy":
        unknown(call)
        return
    call.result(
        supportedVersions=[MODERN], capabilities={"tools": {"listChanged": True}}, ttlMs=0, cacheScope="private"
    )


def initialize(call: Call) -> None:
    if call.server.era == "modern":
        call.error(-32022, "Unsupported protocol version")
        return
    asked = call.params.get("protocolVersion")
    revision = asked if asked in LEGACY else LEGACY[0]
    if call.server.fault == "unknown revision":
        revision = "1999-01-01"
    call.result(
        protocolVersion=revision,
        capabilities={"tools": {"listChanged": True}},
        serverInfo={"name": "echo", "version": "1"},
    )


def list_tools(call: Call) -> None:
    cursor, tools = call.params.get("cursor"), call.server.tools
    match call.server.fault:
        case "cyclic list":
            call.result(tools=[], nextCursor="again")
        case "endless list":
            call.result(tools=[], nextCursor=str(int(cursor or 0) + 1))
        case "many tools":
            call.result(tools=[definition(f"t{number}") for number in range(2000)])
        case "two pages" if cursor is None:
            call.result(tools=tools[: len(tools) // 2], nextCursor="2")
        case "two pages":
            call.result(tools=tools[len(tools) // 2 :])
        case _:
            call.result(tools=tools, ttlMs=0, cacheScope="private")


def call_tool(call: Call) -> None:
    TOOLS[call.params["name"]](call)


def do_echo(call: Call) -> None:
    call.text(json.dumps(call.arguments, sort_keys=True))


def do_raw(call: Call) -> None:
    put(f'{{"jsonrpc":"2.0","id":{json.dumps(call.id)},"result":{call.arguments["result"]}}}\n')


def do_hang(call: Call) -> None:
    del call


def do_slow(call: Call) -> None:
    time.sleep(call.arguments["seconds"])  # noqa: TID251  (being slow is what it is for)
    call.text("at last")


def do_die(call: Call) -> None:
    del call
    os._exit(3)


def do_garbage(call: Call) -> None:
    put("\x00\x07 nothing that could be read\n" * call.arguments["lines"])
    call.text("after the garbage")


def do_endless(call: Call) -> None:
    for _ in range(call.arguments["bytes"] // 65536):
        put("x" * 65536)


def do_half(call: Call) -> None:
    put(f'{{"jsonrpc":"2.0","id":{json.dumps(call.id)},"result":{{"text":"\\ud800"}}}}\n')


def do_wrong_id(call: Call) -> None:
    assert isinstance(call.id, int)
    for wrong in (str(call.id), call.id + 1000, -call.id):
        call.put("result", {"content": [{"type": "text", "text": "for nobody"}]}, identity=wrong)
    call.text("for the one who asked")


def do_twice(call: Call) -> None:
    call.text("first")
    call.text("second")


def do_storm(call: Call) -> None:
    put(CHANGED * call.arguments["count"])
    call.text("after the storm")


def do_change(call: Call) -> None:
    for tool in call.server.tools:
        if tool["name"] == call.arguments["which"]:
            tool["description"] = "Poisoned."
    put(CHANGED)
    call.text("changed")


def do_ask(call: Call) -> None:
    put(json.dumps({"jsonrpc": "2.0", "id": "mine", "method": call.arguments["method"], "params": {}}) + "\n")
    call.text(sys.stdin.readline())


def do_said(call: Call) -> None:
    call.text("".join(call.server.said))


def do_about(call: Call) -> None:
    call.text(json.dumps({"env": dict(os.environ), "argv": sys.argv, "pid": os.getpid()}))


def do_refuse(call: Call) -> None:
    call.error(call.arguments["code"], "Refused")


METHODS: dict[str, Callable[[Call], None]] = {
    "server/discover": discover,
    "initialize": initialize,
    "tools/list": list_tools,
    "tools/call": call_tool,
}
TOOLS: dict[str, Callable[[Call], None]] = {
    name.removeprefix("do_"): function for name, function in list(globals().items()) if name.startswith("do_")
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--era", default="both")
    parser.add_argument("--fault", default="")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--note", default="")
    parser.add_argument("--start-after", type=float, default=0.0)
    options = parser.parse_args()
    if options.fault == "does not start":
        sys.stderr.write("there is no database\n")
        sys.exit(1)
    time.sleep(options.start_after)  # noqa: TID251  (being slow is what it is for)
    tools = [definition(name, options.note) for name in options.tools.split(",") if name]
    echo = Echo(options.era, options.fault, tools)
    for line in sys.stdin:
        echo.hear(line)


if __name__ == "__main__":
    main()
