"""A stdio server on the standard library alone with prompts, resources and resource templates, of both eras.

    offering.py [--scheme NAME] [--word WORD] [--words FILE] [--legacy] [--without KIND,…] [--fault NAME]

A prompt is called `summary`, a resource ``SCHEME://about``, a template ``SCHEME://pages/{title}``. WORD, or what is
in FILE, is in the descriptions. What is asked for stands in the answers.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
Handler = Callable[[dict[str, Any]], dict[str, Any]]
METHODS = {"prompts": "prompts/list", "resources": "resources/list", "resourceTemplates": "resources/templates/list"}


def offers(scheme: str, word: str = "Plain") -> dict[str, list[dict[str, Any]]]:
    """Return what the server lists, by the member of the result."""
    return {
        "prompts": [
            {
                "name": "summary",
                "description": f"{word} summary of a page.",
                "arguments": [{"name": "title", "required": True}],
            }
        ],
        "resources": [
            {
                "uri": f"{scheme}://about",
                "name": "about",
                "description": f"{word} words about the server.",
                "mimeType": "text/plain",
                "size": 11,
                "annotations": {"lastModified": "2026-06-01T00:00:00Z"},
            }
        ],
        "resourceTemplates": [
            {"uriTemplate": f"{scheme}://pages/{{title}}", "name": "pages", "description": f"{word} pages."}
        ],
    }


class Refused(Exception):  # noqa: N818  (an answer to the caller, not a defect)
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Server:
    """What the server was told to be."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._offers = offers(options.scheme, options.word)

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        method, params = message["method"], message.get("params") or {}
        if method == "server/discover" and not self._options.legacy:
            return self._kept({"supportedVersions": [MODERN], "capabilities": self._capabilities()})
        if method == "initialize":
            about = {"name": "offering", "version": "1"}
            return {"protocolVersion": LEGACY[0], "capabilities": self._capabilities(), "serverInfo": about}
        asked: dict[str, Handler] = {
            "completion/complete": self._complete,
            "prompts/get": self._prompt,
            "resources/read": self._read,
            "tools/call": self._change,
            "tools/list": self._tools,
        }
        return asked[method](params) if method in asked else self._list(method, params)

    def _tools(self, _params: dict[str, Any]) -> dict[str, Any]:
        return self._kept({"tools": [{"name": "change", "inputSchema": {"type": "object"}}]})

    def _complete(self, params: dict[str, Any]) -> dict[str, Any]:
        values = [f"{params['argument']['value']} of {json.dumps(params['ref'], sort_keys=True)}"]
        return {"completion": {"values": values}}

    def _capabilities(self) -> dict[str, Any]:
        told = {"listChanged": True}
        found: dict[str, Any] = {"completions": {}, "tools": {}, "prompts": told, "resources": told}
        return {name: each for name, each in found.items() if name not in self._options.without.split(",")}

    def _list(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        member = next((each for each, name in METHODS.items() if name == method), None)
        if member is None or self._options.fault == f"no {member}":
            raise Refused(-32601, "Method not found")
        if self._options.fault == f"refuses {member}":
            raise Refused(-32603, "Not today")
        if self._options.fault == f"endless {member}":
            return self._kept({member: self._offers[member] * 600, "nextCursor": params.get("cursor", "") + "x"})
        if self._options.fault == f"two {member}":
            # One a page, and each of them twice.
            return self._kept({member: self._offers[member], **({} if "cursor" in params else {"nextCursor": "2"})})
        return self._kept({member: self._offers[member]})

    def _prompt(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["name"] != "summary":
            raise Refused(-32602, "Unknown prompt")
        text = json.dumps(params.get("arguments"), sort_keys=True)
        return {"messages": [{"role": "user", "content": {"type": "text", "text": f"{self._options.scheme} {text}"}}]}

    def _read(self, params: dict[str, Any]) -> dict[str, Any]:
        uri = params["uri"]
        if not uri.startswith(f"{self._options.scheme}://"):
            raise Refused(-32602, "Unknown resource")
        return self._kept({"contents": [{"uri": uri, "text": f"what is at {uri}"}]})

    def _change(self, params: dict[str, Any]) -> dict[str, Any]:
        arguments = params["arguments"]
        for each in self._offers[arguments["of"]]:
            each["description"] = "Poisoned."
        kind = "prompts" if arguments["of"] == "prompts" else "resources"
        put({"jsonrpc": "2.0", "method": f"notifications/{kind}/list_changed"})
        return {"content": [{"type": "text", "text": "changed"}]}

    def _kept(self, result: dict[str, Any]) -> dict[str, Any]:
        return result if self._options.legacy else {**result, "ttlMs": 0, "cacheScope": "private"}


def put(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scheme", default="wiki")
    parser.add_argument("--word", default="Plain")
    parser.add_argument("--without", default="")
    parser.add_argument("--fault", default="")
    parser.add_argument("--legacy", action="store_true")
    parser.add_argument("--words", default="")
    options = parser.parse_args()
    if options.words:
        options.word = Path(options.words).read_text("utf-8")
    server = Server(options)
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message or "id" not in message:
            continue
        modern = VERSION_KEY in ((message.get("params") or {}).get("_meta") or {})
        try:
            result = server.answer(message)
        except Refused as refused:
            put({"jsonrpc": "2.0", "id": message["id"], "error": {"code": refused.code, "message": refused.message}})
            continue
        kind = {"resultType": "complete"} if modern else {}
        put({"jsonrpc": "2.0", "id": message["id"], "result": {**kind, **result}})


if __name__ == "__main__":
    main()
