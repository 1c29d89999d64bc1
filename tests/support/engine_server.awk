# An MCP server of both eras for `awk -f` (busybox has one): what its four tools do is their names.
# Reads one message a line; knows just as much JSON as the tests send.

function reply(result) {
  printf "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{%s%s}}\n", id, modern ? "\"resultType\":\"complete\"," : "", result
  fflush()
}

function tool(name) {
  return "{\"name\":\"" name "\",\"description\":\"Does " name ".\",\"inputSchema\":{\"type\":\"object\"}}"
}

function text(words) {
  reply("\"content\":[{\"type\":\"text\",\"text\":\"" words "\"}]")
}

function found(pattern) {
  return match($0, pattern) ? substr($0, RSTART, RLENGTH) : ""
}

function string(name,  pair) {
  pair = found("\"" name "\": *\"[^\"]*\"")
  sub(/^"[^"]*": *"/, "", pair)
  sub(/"$/, "", pair)
  return pair
}

{
  id = found("\"id\": *(\"[^\"]*\"|[0-9]+)")
  sub(/^"id": */, "", id)
  method = string("method")
  modern = index($0, "io.modelcontextprotocol/protocolVersion") > 0
}

id == "" { next }

method == "server/discover" {
  reply("\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}},\"ttlMs\":0,\"cacheScope\":\"private\"")
  next
}

method == "initialize" {
  reply("\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"awk\",\"version\":\"1\"}")
  next
}

method == "tools/list" {
  reply("\"tools\":[" tool("complain") "," tool("count") "," tool("die") "," tool("echo") "],\"ttlMs\":0,\"cacheScope\":\"private\"")
  next
}

method == "tools/call" {
  # The tool's name stands before its arguments, or after them; the client's own name is in `_meta`.
  sub(/"_meta": *\{.*"io\.modelcontextprotocol\/clientInfo": *\{[^}]*\}[^}]*\},?/, "")
  name = string("name")
  calls++
  if (name == "die") exit 3
  if (name == "complain") print "it complains" > "/dev/stderr"
  text(name == "count" ? calls : string("text"))
  next
}

{
  printf "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}\n", id
  fflush()
}
