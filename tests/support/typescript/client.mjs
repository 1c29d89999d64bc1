// Connects one of the protocol's TypeScript clients to a gateway, does what a user would, and prints what came of it.
//
//   node client.mjs '{"sdk": 1 | 2, "mode": "legacy" | "auto", "url": …, "token": … } or { …, "command": […], "cwd": … }'
//
// Everything is said in one JSON object on standard output; whatever else goes wrong ends in a stack trace and status 1.

const wanted = JSON.parse(process.argv[2]);

const packages = {
  1: async () => ({
    ...(await import("@modelcontextprotocol/sdk/client/index.js")),
    ...(await import("@modelcontextprotocol/sdk/client/streamableHttp.js")),
    ...(await import("@modelcontextprotocol/sdk/client/stdio.js")),
  }),
  2: async () => ({
    ...(await import("@modelcontextprotocol/client")),
    ...(await import("@modelcontextprotocol/client/stdio")),
  }),
};

const { Client, StreamableHTTPClientTransport, StdioClientTransport } = await packages[wanted.sdk]();

function transport() {
  if (wanted.url) {
    const headers = { Authorization: `Bearer ${wanted.token}` };
    return new StreamableHTTPClientTransport(new URL(wanted.url), { requestInit: { headers } });
  }
  const [command, ...args] = wanted.command;
  return new StdioClientTransport({ command, args, cwd: wanted.cwd, env: process.env, stderr: "inherit" });
}

async function failure(promise) {
  try {
    return { result: await promise };
  } catch (error) {
    return { code: error.code, name: error.name, message: error.message };
  }
}

async function cancelled(client) {
  const controller = new AbortController();
  const call = failure(
    wanted.sdk === 1
      ? client.callTool({ name: "hang", arguments: {} }, undefined, { signal: controller.signal })
      : client.callTool({ name: "hang", arguments: {} }, { signal: controller.signal }),
  );
  setTimeout(() => controller.abort("changed my mind"), 200);
  return call;
}

// What the server was sent shows whether the cancellation reached it; it may take a moment.
async function heardCancellation(client) {
  const deadline = Date.now() + 5000;
  while (Date.now() < deadline) {
    const said = await client.callTool({ name: "said", arguments: {} });
    if (said.content[0].text.includes("notifications/cancelled")) {
      return true;
    }
  }
  return false;
}

const client = new Client(
  { name: "typescript", version: "1" },
  wanted.sdk === 1 ? {} : { versionNegotiation: { mode: wanted.mode } },
);
const errors = [];
client.onerror = (error) => errors.push(String(error));
const link = transport();
let revision = null;
if (wanted.sdk === 1) {
  const real = link.setProtocolVersion?.bind(link);
  link.setProtocolVersion = (version) => {
    revision = version;
    real?.(version);
  };
}
await client.connect(link);
const outcome = {
  revision: revision ?? client.getNegotiatedProtocolVersion(),
  server: client.getServerVersion()?.name,
  tools: (await client.listTools()).tools.map((tool) => tool.name),
  kept: await client.callTool({ name: "add_note", arguments: { title: "ts", text: "é\u2028\n" } }),
  read: await client.callTool({ name: "read_note", arguments: { title: "ts" } }),
  many: (
    await Promise.all(
      [...Array(20).keys()].map((number) => client.callTool({ name: "echo", arguments: { number } })),
    )
  ).map((result) => JSON.parse(result.content[0].text).number),
  failed: await client.callTool({ name: "read_note", arguments: { title: "no such note" } }),
  unknown: await failure(client.callTool({ name: "no_such_tool", arguments: {} })),
  refused: await failure(client.callTool({ name: "refuse", arguments: { code: -32042 } })),
  cancelled: await cancelled(client),
  heard: await heardCancellation(client),
};
await client.close();
process.stdout.write(JSON.stringify({ ...outcome, errors }));
