"""A hub in which every key of the language stands, and another value for each: what a sweep over all of them needs."""

import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.layering import open_layers
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.read.syntax import parse, plain
from mcphub_gitops.compiler.review.side import Written
from mcphub_gitops.compiler.sourcing import understand_with
from tests.support.hubs import lock_of
from tests.support.offers import with_offers

GONE: Final = object()
"""In place of another value: that the key is not there."""

HUB = """\
apiVersion: mcphub/v1
name: acme
requires: ">=0.0.1"
include: [teams/*.yaml]
owner: platform
policies:
  - policies/*.yaml
  - {git: {repo: "https://git.example/p.git", commit: "1111111111111111111111111111111111111111", path: a.yaml}}
  - {oci: "registry.example/p:1@sha256:1111111111111111111111111111111111111111111111111111111111111111"}
vars: {zone: UTC, spare: unused}
defaults:
  run: process
  minAge: 7d
  catalogs: [docker, other]
  base: {python: "registry.example/python:3", node: "registry.example/node:22"}
catalogs:
  docker: {path: catalog.yaml}
  other: {path: other.yaml}
  web: {url: "https://catalogs.example/a.yaml"}
  branch: {git: {repo: "https://git.example/c.git", ref: main, path: c.yaml}}
  fixed: {git: {repo: "https://git.example/c.git", commit: "2222222222222222222222222222222222222222", path: c.yaml}}
secretStores:
  token:
    vault:
      address: https://vault.example
      namespace: tools
      mount: secret
      version: 2
      ca: ca.pem
      auth: {token: "env://TOKEN"}
  approle: {vault: {address: "https://a.example", auth: {approle: {role: r, secret: "env://ID", mount: approle}}}}
  jwt: {vault: {address: "https://j.example", auth: {jwt: {role: r, token: "env://JWT", mount: jwt}}}}
  pod: {vault: {address: "https://k.example", auth: {kubernetes: {role: r, token: "file://token", mount: k8s}}}}
servers:
  storage:
    from: docker/storage
    owner: storage-team
    config: {folder: ./data}
    secrets: {ONE: "env://STORAGE_KEY", OTHER: "env://OTHER_KEY"}
    definitions: {from: catalog, reason: it needs a cluster}
    override:
      image: registry.example/storage:1
      user: "2000"
      volumes: ["{{storage.folder}}:/srv/data"]
      command: ["--quiet"]
      env: {BUCKET: acme}
      config: {folder: {type: string}}
      secretNames: {storage.key: ONE, storage.other: OTHER}
      allowHosts: ["s3.example:443"]
      reason: the catalog has the wrong user
  docs: {from: other/docs, override: {url: "https://docs.example/acme", reason: the tenant is no setting}}
  ours:
    remote:
      url: https://ours.example/mcp
      headers: {X-Team: tools, Authorization: "Bearer ${secrets.KEY}"}
      transport: streamable-http
      private: it is in our own network
    secrets: {KEY: {store: token, key: mcp/ours, field: key}}
    optional: true
  box:
    image: registry.example/box:1
    args: [--fast]
    env: {LEVEL: info}
    network: bridge
    user: root
    capabilities: [CHOWN]
    privileged: true
    pid: host
    ipc: host
    readOnly: false
    mounts: ["./data:/data", "/var/log:/log"]
    resources: {cpus: 0.5, memory: 64Mi, pids: 32}
    relax:
      reason: it mends the host
      network: bridge
      user: root
      mounts: [/var/log]
      capabilities: [CHOWN]
      privileged: true
      pid: host
      ipc: host
      readOnly: false
    secrets: {A: {ref: "env://A", as: file}, B: {exec: [pass, show, b]}, C: "env://C"}
  packed: {package: "pypi:mcp-server-fetch@1", run: container, base: "registry.example/python:3.12"}
  noded: {package: "npm:server-everything@1.0.0", run: container}
  time:
    package: "pypi:mcp-server-time@1"
    args: ["${vars.zone}"]
    run: process
    prefix: t
    tools: {deny: [convert], rename: {now: current}, describe: {now: The time.}}
  notes:
    command: [python3, srv/notes.py]
    run: process
    paths: {read: [docs], write: [data]}
    tools: {allow: [add, find]}
    prompts: {allow: [brief, short], deny: [draft]}
    uris: {allow: ["memo://a", "memo://b"], deny: ["memo://c"]}
  quiet: {command: [python3, srv/quiet.py], run: process, tools: {none: it has resources alone}}
  later:
    image: registry.example/later:1
    enabled: false
profiles:
  few: {path: /few, groups: [few], servers: [notes, time], tools: {allow: ["notes/*", "time/*"], deny: ["notes/find"]}}
  one: {servers: [box], groups: [few]}
clients:
  agents: {kind: claude-code, profile: few, token: named, file: agents.json}
moved: [{from: memos, to: notes}]
gateway:
  listen: 127.0.0.1:9000
  publicUrl: https://mcp.acme.example
  onConflict: prefix
  groups: [everybody]
  auth:
    tokens:
      plain: {value: "env://PLAIN", groups: [everybody, few]}
      named: {value: {ref: "env://NAMED"}, groups: [few]}
      told: {value: {exec: [pass, show, token]}, groups: [few]}
      kept: {value: {store: token, key: mcp/token, field: key}, groups: [few]}
"""

CATALOG = b"""\
version: 3
name: docker
registry:
  storage:
    type: server
    image: registry.example/storage:0
    user: "1000"
    volumes: ["{{storage.folder}}:/data"]
    secrets: [{name: storage.key, env: STORAGE_KEY}, {name: storage.other, env: OTHER_KEY}]
    tools: [{name: put}]
    config: [{name: storage, type: object, properties: {folder: {type: string}}}]
"""
OTHER = b"""\
version: 3
name: other
registry:
  docs: {type: remote, remote: {url: "https://docs.example/a", transport_type: streamable-http}}
  storage: {type: server, image: registry.example/storage:9, tools: [{name: put}]}
"""
CATALOGS = {"catalog.yaml": CATALOG, "other.yaml": OTHER, "same.yaml": CATALOG}
INCLUDED = {"teams/a.yaml": b"vars: {extra: x}\n", "teams/b/c.yaml": b"vars: {extra: x}\n"}
TOOLS = {
    "docs": ("ask",),
    "ours": ("ask_ours",),
    "box": ("mend",),
    "packed": ("fetch",),
    "noded": ("echo",),
    "time": ("now", "convert"),
    "notes": ("add", "find", "list"),
    "quiet": (),
    "storage": ("put",),
}
OFFERS = {
    "notes": {"prompts": ("brief", "short", "draft"), "resources": ("memo://a", "memo://b", "memo://c")},
}

EDITS: dict[str, tuple[str, Any]] = {
    "name": ("name", "other"),
    "requires": ("requires", ">=0.0.2"),
    "include.[]": ("include.0", "teams/b/*.yaml"),
    "owner": ("owner", "others"),
    "policies.[]": ("policies.0", "policies/a.yaml"),
    "policies.[].git.repo": ("policies.1.git.repo", "https://git.example/q.git"),
    "policies.[].git.commit": ("policies.1.git.commit", "3" * 40),
    "policies.[].git.path": ("policies.1.git.path", "b.yaml"),
    "policies.[].oci": ("policies.2.oci", f"registry.example/p:1@sha256:{'2' * 64}"),
    "vars.*": ("vars.spare", "other"),
    "defaults.run": ("defaults.run", "container"),
    "defaults.minAge": ("defaults.minAge", "1d"),
    "defaults.catalogs.[]": ("defaults.catalogs", ["other", "docker"]),
    "defaults.base.python": ("defaults.base.python", "registry.example/python:4"),
    "defaults.base.node": ("defaults.base.node", "registry.example/node:23"),
    "catalogs.*.path": ("catalogs.docker.path", "same.yaml"),
    "catalogs.*.url": ("catalogs.web.url", "https://catalogs.example/b.yaml"),
    "catalogs.*.git.repo": ("catalogs.branch.git.repo", "https://git.example/d.git"),
    "catalogs.*.git.commit": ("catalogs.fixed.git.commit", "3" * 40),
    "catalogs.*.git.ref": ("catalogs.branch.git.ref", "next"),
    "catalogs.*.git.path": ("catalogs.branch.git.path", "d.yaml"),
    "secretStores.*.vault.address": ("secretStores.approle.vault.address", "https://b.example"),
    "secretStores.*.vault.namespace": ("secretStores.token.vault.namespace", "others"),
    "secretStores.*.vault.mount": ("secretStores.token.vault.mount", "kv"),
    "secretStores.*.vault.version": ("secretStores.token.vault.version", 1),
    "secretStores.*.vault.ca": ("secretStores.token.vault.ca", "other.pem"),
    "secretStores.*.vault.auth.token": ("secretStores.token.vault.auth.token", "env://OTHER"),
    "secretStores.*.vault.auth.approle.role": ("secretStores.approle.vault.auth.approle.role", "s"),
    "secretStores.*.vault.auth.approle.secret": ("secretStores.approle.vault.auth.approle.secret", "env://SECRET"),
    "secretStores.*.vault.auth.approle.mount": ("secretStores.approle.vault.auth.approle.mount", "other"),
    "secretStores.*.vault.auth.jwt.role": ("secretStores.jwt.vault.auth.jwt.role", "s"),
    "secretStores.*.vault.auth.jwt.token": ("secretStores.jwt.vault.auth.jwt.token", "env://OTHER"),
    "secretStores.*.vault.auth.jwt.mount": ("secretStores.jwt.vault.auth.jwt.mount", "other"),
    "secretStores.*.vault.auth.kubernetes.role": ("secretStores.pod.vault.auth.kubernetes.role", "s"),
    "secretStores.*.vault.auth.kubernetes.token": ("secretStores.pod.vault.auth.kubernetes.token", "file://other"),
    "secretStores.*.vault.auth.kubernetes.mount": ("secretStores.pod.vault.auth.kubernetes.mount", "other"),
    "servers.*.from": ("servers.docs.from", "docs"),
    "servers.*.owner": ("servers.storage.owner", "others"),
    "servers.*.config": ("servers.storage.config.folder", "./other"),
    "servers.*.override.reason": ("servers.storage.override.reason", "because"),
    "servers.*.override.image": ("servers.storage.override.image", "registry.example/storage:2"),
    "servers.*.override.command.[]": ("servers.storage.override.command.0", "--loud"),
    "servers.*.override.volumes.[]": ("servers.storage.override.volumes.0", "{{storage.folder}}:/srv/other"),
    "servers.*.override.user": ("servers.storage.override.user", "3000"),
    "servers.*.override.url": ("servers.docs.override.url", "https://docs.example/other"),
    "servers.*.override.env.*": ("servers.storage.override.env.BUCKET", "other"),
    "servers.*.override.config": ("servers.storage.override.config.more", {"type": "string"}),
    "servers.*.override.secretNames.*": (
        "servers.storage.override.secretNames",
        {"storage.key": "OTHER", "storage.other": "ONE"},
    ),
    "servers.*.override.allowHosts.[]": ("servers.storage.override.allowHosts.0", "s4.example:443"),
    "servers.*.definitions.from": ("servers.storage.definitions", GONE),
    "servers.*.definitions.reason": ("servers.storage.definitions.reason", "because"),
    "servers.*.remote.url": ("servers.ours.remote.url", "https://ours.example/other"),
    "servers.*.remote.headers.*": ("servers.ours.remote.headers.X-Team", "other"),
    "servers.*.remote.transport": ("servers.ours.remote.transport", "sse"),
    "servers.*.remote.private": ("servers.ours.remote.private", "because"),
    "servers.*.image": ("servers.box.image", "registry.example/box:2"),
    "servers.*.base": ("servers.packed.base", "registry.example/python:3.13"),
    "servers.*.package": ("servers.time.package", "pypi:mcp-server-time@2"),
    "servers.*.command.[]": ("servers.notes.command.1", "srv/other.py"),
    "servers.*.args.[]": ("servers.box.args.0", "--slow"),
    "servers.*.run": ("servers.time.run", "container"),
    "servers.*.env.*": ("servers.box.env.LEVEL", "debug"),
    "servers.*.secrets.*": ("servers.box.secrets.C", "env://D"),
    "servers.*.secrets.*.ref": ("servers.box.secrets.A.ref", "env://D"),
    "servers.*.secrets.*.exec.[]": ("servers.box.secrets.B.exec.2", "d"),
    "servers.*.secrets.*.store": ("servers.ours.secrets.KEY.store", "jwt"),
    "servers.*.secrets.*.key": ("servers.ours.secrets.KEY.key", "mcp/other"),
    "servers.*.secrets.*.field": ("servers.ours.secrets.KEY.field", "other"),
    "servers.*.secrets.*.as": ("servers.box.secrets.A.as", "env"),
    "servers.*.paths.read.[]": ("servers.notes.paths.read.0", "other"),
    "servers.*.paths.write.[]": ("servers.notes.paths.write.0", "other"),
    "servers.*.tools.allow.[]": ("servers.notes.tools.allow.0", "a*"),
    "servers.*.tools.deny.[]": ("servers.time.tools.deny.0", "conv*"),
    "servers.*.prompts.allow.[]": ("servers.notes.prompts.allow.0", "brie*"),
    "servers.*.prompts.deny.[]": ("servers.notes.prompts.deny.0", "draf*"),
    "servers.*.uris.allow.[]": ("servers.notes.uris.allow.0", "memo://[a]"),
    "servers.*.uris.deny.[]": ("servers.notes.uris.deny.0", "memo://[c]"),
    "servers.*.tools.none": ("servers.quiet.tools.none", "because"),
    "servers.*.tools.rename.*": ("servers.time.tools.rename.now", "moment"),
    "servers.*.tools.describe.*": ("servers.time.tools.describe.now", "The hour."),
    "servers.*.network": ("servers.box.network", "none"),
    "servers.*.mounts.[]": ("servers.box.mounts.0", "./data:/data:rw"),
    "servers.*.user": ("servers.box.user", "1000"),
    "servers.*.resources.cpus": ("servers.box.resources.cpus", 1.5),
    "servers.*.resources.memory": ("servers.box.resources.memory", "128Mi"),
    "servers.*.resources.pids": ("servers.box.resources.pids", 64),
    "servers.*.relax.reason": ("servers.box.relax.reason", "because"),
    "servers.*.relax.network": ("servers.later.relax", {"reason": "because", "network": "host"}),
    "servers.*.relax.user": ("servers.later.relax", {"reason": "because", "user": "0"}),
    "servers.*.relax.mounts.[]": ("servers.box.relax.mounts", ["/var/log", "/etc"]),
    "servers.*.relax.capabilities.[]": ("servers.box.relax.capabilities", ["CHOWN", "SETUID"]),
    "servers.*.relax.privileged": ("servers.later.relax", {"reason": "because", "privileged": True}),
    "servers.*.relax.pid": ("servers.later.relax", {"reason": "because", "pid": "host"}),
    "servers.*.relax.ipc": ("servers.later.relax", {"reason": "because", "ipc": "host"}),
    "servers.*.relax.readOnly": ("servers.later.relax", {"reason": "because", "readOnly": False}),
    "servers.*.capabilities.[]": ("servers.box.capabilities", GONE),
    "servers.*.privileged": ("servers.box.privileged", False),
    "servers.*.pid": ("servers.box.pid", "private"),
    "servers.*.ipc": ("servers.box.ipc", "private"),
    "servers.*.readOnly": ("servers.box.readOnly", True),
    "servers.*.prefix": ("servers.time.prefix", "u"),
    "servers.*.optional": ("servers.ours.optional", False),
    "servers.*.enabled": ("servers.ours.enabled", False),
    "profiles.*.groups.[]": ("profiles.few.groups", ["everybody", "few"]),
    "profiles.*.path": ("profiles.few.path", "/other"),
    "profiles.*.servers.[]": ("profiles.one.servers", ["box", "docs"]),
    "profiles.*.tools.allow.[]": ("profiles.few.tools.allow", ["notes/*", "time/*", "notes/a*"]),
    "profiles.*.tools.deny.[]": ("profiles.few.tools.deny.0", "notes/fin*"),
    "clients.*.kind": ("clients.agents.kind", "cursor"),
    "clients.*.profile": ("clients.agents.profile", "one"),
    "clients.*.token": ("clients.agents.token", "plain"),
    "clients.*.file": ("clients.agents.file", "other.json"),
    "moved.[].from": ("moved.0.from", "cards"),
    "moved.[].to": ("moved.0.to", "time"),
    "gateway.listen": ("gateway.listen", "127.0.0.1:9001"),
    "gateway.publicUrl": ("gateway.publicUrl", "https://other.example"),
    "gateway.groups.[]": ("gateway.groups", ["few"]),
    "gateway.auth.tokens.*.value": ("gateway.auth.tokens.plain.value", "env://OTHER"),
    "gateway.auth.tokens.*.value.ref": ("gateway.auth.tokens.named.value.ref", "env://OTHER"),
    "gateway.auth.tokens.*.value.exec.[]": ("gateway.auth.tokens.told.value.exec.2", "other"),
    "gateway.auth.tokens.*.value.store": ("gateway.auth.tokens.kept.value.store", "jwt"),
    "gateway.auth.tokens.*.value.key": ("gateway.auth.tokens.kept.value.key", "mcp/other"),
    "gateway.auth.tokens.*.value.field": ("gateway.auth.tokens.kept.value.field", "other"),
    "gateway.auth.tokens.*.groups.[]": ("gateway.auth.tokens.named.groups", ["everybody", "few"]),
    "gateway.onConflict": ("gateway.onConflict", "first"),
}
"""By the path of each key in the schema: its path in the hub, and another value."""


def edited(path: str, value: object) -> str:
    """Return the hub with `value` at `path`, or without what is there where it is GONE."""
    root = parse("mcp-hub.yaml", HUB.encode()).root
    assert root is not None
    document: Any = plain(root)
    *keys, last = path.split(".")
    node = document
    for key in keys:
        node = node[int(key)] if isinstance(node, list) else node[key]
    if value is GONE:
        del node[last]
    elif isinstance(node, list):
        node[int(last)] = value
    else:
        node[last] = value
    return json.dumps(document, indent=1, ensure_ascii=False)


def compiled(text: str) -> tuple[Desired, Written, Lock]:
    """Return what the hub `text` comes to with a lock that fits it, its document, and that lock."""
    document = open_layers("mcp-hub.yaml", text.encode(), _find)
    validated = understand_with(document, CATALOGS)
    assert not has_errors(validated.diagnostics), validated.diagnostics
    assert validated.hub is not None
    assert document.root is not None
    tools, definitions = lock_of(validated.hub, TOOLS)
    lock, offers = with_offers(validated.hub, tools, OFFERS)
    desired, problems = build(validated.hub, lock, definitions, offers)
    assert not has_errors(problems), problems
    return desired, Written(root=document.root, hub=validated.hub), lock


def _find(pattern: str) -> Mapping[str, bytes | str]:
    depth = pattern.count("/")
    return {name: data for name, data in INCLUDED.items() if fnmatchcase(name, pattern) and name.count("/") == depth}


def leaves_of(schema: dict[str, Any], resolve: Callable[[str], dict[str, Any]]) -> list[str]:
    """Return the path of each leaf of a JSON Schema: ``*`` for any key of a mapping, ``[]`` for an item of a list."""
    return list(dict.fromkeys(_leaves(schema, (), resolve)))


def _leaves(node: dict[str, Any], path: tuple[str, ...], resolve: Callable[[str], dict[str, Any]]) -> list[str]:
    if "$ref" in node:
        node = {**resolve(node["$ref"]), **{key: value for key, value in node.items() if key != "$ref"}}
    inner = [leaf for key, each in node.get("properties", {}).items() for leaf in _leaves(each, (*path, key), resolve)]
    for keyword, sign in (("additionalProperties", "*"), ("items", "[]")):
        if isinstance(node.get(keyword), dict):
            inner += _leaves(node[keyword], (*path, sign), resolve)
    kinds = [node.get("type"), *(each.get("type") for each in node.get("oneOf", ()))]
    return [*inner, *([".".join(path)] if not inner or "string" in kinds or ["string", "object"] in kinds else [])]
