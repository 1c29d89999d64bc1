"""An MCP server as an npm package without dependencies: what it offers is a list of tools."""

import json
from collections.abc import Mapping

_PROGRAM = """\
#!/usr/bin/env node
const tools = %s;
const answer = ({ id, method, params }) => {
  if (method === 'initialize') {
    const about = { name: 'small', version: '1' };
    return { id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: about } };
  }
  if (method === 'tools/list') return { id, result: { tools } };
  return { id, error: { code: -32601, message: 'Method not found' } };
};
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line);
  if (message.id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', ...answer(message) }));
});
"""


def server_files(tools: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a package whose program offers `tools`, a description by name."""
    definitions = [
        {"name": name, "description": text, "inputSchema": {"type": "object"}} for name, text in tools.items()
    ]
    return {"server.js": _PROGRAM % json.dumps(definitions)}
