"""The saved plan: canonical JSON with a digest over everything in it, so that what was reviewed is what is applied."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler.canonical import (
    decode,
    digest_parts,
    encode,
    encode_around,
    encode_text,
    fingerprint,
    list_parts,
    object_parts,
    quote,
)
from mcphub_gitops.compiler.lock.definitions import Defined, written
from mcphub_gitops.compiler.plan.admission import Admission, DesiredToken
from mcphub_gitops.compiler.plan.call import Call, Calls
from mcphub_gitops.compiler.plan.container import Container
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer, Environment
from mcphub_gitops.compiler.plan.deviation import Deviation
from mcphub_gitops.compiler.plan.endpoint import Endpoint
from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.compiler.plan.offer import offers_in
from mcphub_gitops.compiler.plan.plan import Action, Change, FieldChange, Operation, OpType, Plan
from mcphub_gitops.compiler.plan.profile import DesiredProfile
from mcphub_gitops.compiler.plan.tool import Tools
from mcphub_gitops.compiler.read.shape import fits
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.schemas import load_schema

FORMAT = "mcphub.plan/v2"
_OLDER = "mcphub.plan/v1"
"""What records were written as before changes and drift were told apart: they can still be read, and not applied."""

MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Why a saved plan cannot be used, as a sentence."""

    reason: str


def plan_digest(plan: Plan) -> str:
    """Return the digest of all that `plan` says; equal plans have equal digests."""
    return plan.older or digest_parts(object_parts(_members(plan)))


def digests_of(plan: Plan) -> dict[str, str]:
    """Return both digests of `plan` as documents for programs have them."""
    return {"review": plan.desired.review_digest(), "digest": plan_digest(plan)}


def write_plan(plan: Plan) -> bytes:
    """Return the saved form of `plan`: one line of canonical JSON, byte-identical for equal plans."""
    parts = {"digest": [encode(digest_parts(object_parts(_members(plan))))]}
    return b"".join((*object_parts({**_members(plan), **parts}), b"\n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A plan that was saved, and its digest."""

    plan: Plan
    digest: str


def read_plan(data: bytes) -> Plan | Unusable:
    """Return the plan that `write_plan` wrote as `data`; anything else, edited by a byte or more, is unusable."""
    document = _decoded(data)
    if isinstance(document, Unusable):
        return document
    if document.get("format") == _OLDER:
        return Unusable(reason=f"It is of the format {_OLDER}, which an older mcphub wrote.")
    found = _verified(document, data)
    return found.plan if isinstance(found, Saved) else found


def read_record(data: bytes) -> Saved | Unusable:
    """Return the plan that was applied and recorded as `data`, by an older mcphub too, with its digest.

    An older record tells what is applied; what it says of changes is not asked for any more.
    """
    document = _decoded(data)
    if isinstance(document, Unusable):
        return document
    if document.get("format") != _OLDER:
        return _verified(document, data)
    said = document.pop("digest", None)
    if fingerprint(document) != said or encode({**document, "digest": said}) + b"\n" != data:
        return Unusable(reason="Its digest does not fit its content.")
    head = {"format": FORMAT, "changes": False, "applyable": False, "complete": False}
    bare: dict[str, Any] = {"operations": [], "base": {}, "config": [], "drift": []}
    plan = _understood({**document, **head, **bare, "digest": said})
    return Saved(plan=replace(plan, older=said), digest=said) if isinstance(plan, Plan) else plan


def _verified(document: Mapping[str, Any], data: bytes) -> Saved | Unusable:
    plan = _understood(document)
    if isinstance(plan, Unusable):
        return plan
    if write_plan(plan) != data:
        return Unusable(reason="Its digest does not fit its content.")
    return Saved(plan=plan, digest=document["digest"])


def _decoded(data: bytes) -> dict[str, Any] | Unusable:
    try:
        document = decode(data[: MAX_BYTES + 1])
    except (ValueError, RecursionError):
        return Unusable(reason="It is not JSON.")
    if not isinstance(document, dict) or document.get("format") not in {FORMAT, _OLDER}:
        return Unusable(reason=f"It is not a plan of the format {FORMAT}.")
    return document


def _understood(document: Mapping[str, Any]) -> Plan | Unusable:
    if not fits(document, load_schema("plan.v2")):
        return Unusable(reason="It does not have the form of a plan.")
    plan = _plan(document)
    if not all(server.tools.are_locked for server in plan.desired.servers):
        return Unusable(reason="A tool's definition does not fit its fingerprint.")
    if not all(each.is_locked for server in plan.desired.servers for each in server.offers.served):
        return Unusable(reason="A prompt's or a resource's definition does not fit its fingerprint.")
    return plan


def _members(plan: Plan) -> dict[str, Iterable[bytes]]:
    """Return all that `plan` says, each member encoded: most of it are servers and changes, encoded one by one."""
    plain = {
        "format": FORMAT,
        "review": plan.desired.review_digest(),
        "changes": not plan.is_empty,
        "applyable": plan.applyable,
        "complete": plan.complete,
        "drift": [{"address": each.address, "detail": each.detail} for each in plan.drift],
        "operations": [
            {"type": each.type.value, "target": each.target, "cause": each.cause} for each in plan.operations
        ],
        "base": dict(plan.base),
        "isolation": {
            name: {"measures": list(each.measures), "missing": list(each.missing)}
            for name, each in plan.isolation.items()
        },
    }
    return {
        **{name: [encode(value)] for name, value in plain.items()},
        "config": list_parts(map(_encoded_change, plan.changes)),
        "desired": _encoded_desired(plan.desired),
    }


def _encoded_desired(desired: Desired) -> Iterator[bytes]:
    plain = {
        "hub": desired.hub,
        "listen": desired.listen,
        "publicUrl": desired.public_url,
        **_profiles_document(desired),
        **admission_document(desired.admission),
        **({"moved": dict(desired.moves)} if desired.moves else {}),
        **{name: said for name, said in desired.standing().items() if said},
    }
    servers = object_parts({server.name: map(_encoded_server, [server]) for server in desired.servers})
    return object_parts({**{name: [encode(value)] for name, value in plain.items()}, "servers": servers})


def _endpoint_document(endpoint: Endpoint) -> dict[str, Any]:
    found = {"url": endpoint.url, "headers": dict(endpoint.headers), "reason": endpoint.reason}
    # What is not said is streamable HTTP, so that older plans can be read.
    return found if endpoint.transport == "streamable-http" else {**found, "transport": endpoint.transport}


def _profiles_document(desired: Desired) -> dict[str, Any]:
    profiles = {
        profile.name: {
            "path": profile.path,
            "tools": {server: list(tools) for server, tools in profile.tools.items()},
            **({"groups": list(profile.groups)} if profile.groups else {}),
        }
        for profile in desired.profiles
    }
    return {"profiles": profiles} if profiles else {}


def admission_document(admission: Admission) -> dict[str, Any]:
    """Return who may reach what as an entry of a saved plan, and of what the gateway serves from; none without any."""
    tokens = {token.name: {"value": token.value, "groups": list(token.groups)} for token in admission.tokens}
    parts: dict[str, Any] = {
        "tokens": tokens,
        "groups": list(admission.groups),
        "stores": {name: dict(facts) for name, facts in admission.stores.items()},
    }
    found = {name: part for name, part in parts.items() if part}
    return {"admission": found} if found else {}


def _admission(entry: Mapping[str, Any]) -> Admission:
    tokens = (
        DesiredToken(name=name, value=each["value"], groups=tuple(each["groups"]))
        for name, each in entry.get("tokens", {}).items()
    )
    return Admission(
        tokens=tuple(tokens), groups=tuple(entry.get("groups", ())), stores=_stores(entry.get("stores", {}))
    )


def _stores(entry: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({name: MappingProxyType(facts) for name, facts in sorted(entry.items())})


def _calls_document(calls: Calls | None) -> dict[str, Any]:
    if calls is None:
        return {}
    return {
        "calls": {
            tool: {
                "container": _container_document(call.container),
                "command": list(call.command),
                "volumes": list(call.volumes),
            }
            for tool, call in calls.items()
        }
    }


def _server_document(server: DesiredServer) -> dict[str, Any]:
    environment = server.environment
    package: dict[str, Any] = {}
    if environment is not None:
        package = {"package": environment.package, "requirements": list(environment.requirements)}
    if environment is not None and environment.target:
        package["target"] = environment.target
    container = {"container": _container_document(server.container)} if server.container is not None else {}
    endpoint = server.endpoint
    remote = {"endpoint": _endpoint_document(endpoint)} if endpoint is not None else {}
    override = {"override": server.override} if server.override else {}
    by_name = {"byName": server.by_name} if server.by_name else {}
    optional = {"optional": True} if server.optional else {}
    return {
        **package,
        **container,
        **remote,
        **_calls_document(server.calls),
        **override,
        **by_name,
        **optional,
        "argv": list(server.argv),
        "env": dict(server.env),
        "secrets": dict(server.secrets),
        "read": list(server.read),
        "write": list(server.write),
        "files": dict(server.files),
        "code": server.code,
        **({"stores": {name: dict(facts) for name, facts in server.stores.items()}} if server.stores else {}),
        "hidden": dict(server.hidden),
        **server.offers.document(),
    }


def _encoded_server(server: DesiredServer) -> bytes:
    return encode_around(_server_document(server), "tools", _encoded_tools(server.tools))


def _encoded_tools(tools: Tools) -> bytes:
    # The definitions are written already, and are most of a plan.
    texts = written(tools.hashes, tools.definitions)
    members = (
        f'{quote(name)}:{{"definition":{texts[own]},{_described(name, tools)}"hash":{quote(tools.hashes[own])},'
        f'"upstream":{quote(own)}}}'
        for name, own in sorted(tools.names.items())
    )
    return encode_text(f"{{{','.join(members)}}}")


def _described(name: str, tools: Tools) -> str:
    return f'"description":{quote(tools.descriptions[name])},' if name in tools.descriptions else ""


def _container_document(container: Container) -> dict[str, Any]:
    mounts = [asdict(mount) for mount in container.mounts]
    facts = {each.name: getattr(container, each.name) for each in fields(container)}
    names = list(container.capabilities)
    return {**facts, "mounts": mounts, "capabilities": names, "secret_files": dict(container.secret_files)}


def _container(entry: Mapping[str, Any]) -> Container:
    parts = {
        "mounts": tuple(Mount(**mount) for mount in entry["mounts"]),
        "capabilities": tuple(entry["capabilities"]),
        "secret_files": MappingProxyType(entry["secret_files"]),
    }
    return Container(**{**entry, **parts})


def _encoded_change(change: Change) -> bytes:
    was = {"was": change.was} if change.was else {}
    document = {"address": change.address, "action": change.action.name.lower(), "cause": change.cause, **was}
    return encode_around(document, "fields", encode_text(f"[{','.join(map(_field_text, change.fields))}]"))


def _field_text(field: FieldChange) -> str:
    before, after = (quote(value) if value is not None else "null" for value in (field.before, field.after))
    forces = '"forces":true,' if field.forces else ""
    return f'{{"after":{after},"before":{before},{forces}"name":{quote(field.name)}}}'


def _plan(document: Mapping[str, Any]) -> Plan:
    desired = document["desired"]
    return Plan(
        desired=Desired(
            hub=desired["hub"],
            listen=desired["listen"],
            public_url=desired["publicUrl"],
            servers=tuple(_server(name, entry) for name, entry in desired["servers"].items()),
            profiles=tuple(_profile(name, entry) for name, entry in desired.get("profiles", {}).items()),
            admission=_admission(desired.get("admission", {})),
            moves=MappingProxyType(desired.get("moved", {})),
            environment=desired.get("environment", ""),
            lock=desired.get("lock", ""),
            policy=desired.get("policy", ""),
            provenance=desired.get("provenance", ""),
        ),
        changes=tuple(_change(entry) for entry in document["config"]),
        drift=tuple(Deviation(address=each["address"], detail=each["detail"]) for each in document["drift"]),
        complete=document["complete"],
        applyable=document["applyable"],
        operations=tuple(
            Operation(type=OpType(entry["type"]), target=entry["target"], cause=entry["cause"])
            for entry in document["operations"]
        ),
        base=tuple(document["base"].items()),
        isolation=MappingProxyType(
            {
                name: Isolation(measures=tuple(entry["measures"]), missing=tuple(entry["missing"]))
                for name, entry in document["isolation"].items()
            }
        ),
    )


def _profile(name: str, entry: Mapping[str, Any]) -> DesiredProfile:
    tools = {server: tuple(tools) for server, tools in entry["tools"].items()}
    groups = tuple(entry.get("groups", ()))
    return DesiredProfile(name=name, path=entry["path"], tools=MappingProxyType(tools), groups=groups)


def _environment(entry: Mapping[str, Any]) -> Environment:
    return Environment.of(entry["package"], tuple(entry["requirements"]), entry.get("target", ""))


def _calls(entry: Mapping[str, Any]) -> Calls | None:
    if "calls" not in entry:
        return None
    return MappingProxyType(
        {
            tool: Call(
                container=_container(each["container"]),
                command=tuple(each["command"]),
                volumes=tuple(each["volumes"]),
            )
            for tool, each in entry["calls"].items()
        }
    )


def _server(name: str, entry: Mapping[str, Any]) -> DesiredServer:
    return DesiredServer(
        name=name,
        environment=_environment(entry) if "package" in entry else None,
        container=_container(entry["container"]) if entry.get("container") is not None else None,
        endpoint=Endpoint(**entry["endpoint"]) if "endpoint" in entry else None,
        calls=_calls(entry),
        argv=tuple(entry["argv"]),
        env=MappingProxyType(entry["env"]),
        secrets=MappingProxyType(entry["secrets"]),
        read=tuple(entry["read"]),
        write=tuple(entry["write"]),
        files=MappingProxyType(entry["files"]),
        code=entry["code"],
        hidden=MappingProxyType(entry["hidden"]),
        stores=_stores(entry.get("stores", {})),
        override=entry.get("override", ""),
        by_name=entry.get("byName", ""),
        optional=entry.get("optional", False),
        offers=offers_in(entry),
        tools=_tools(entry["tools"]),
    )


def _tools(entries: Mapping[str, Mapping[str, Any]]) -> Tools:
    return Tools(
        {name: each["upstream"] for name, each in entries.items()},
        {each["upstream"]: each["hash"] for each in entries.values()},
        Defined.of({each["upstream"]: each["definition"] for each in entries.values()}),
        {name: each["description"] for name, each in entries.items() if "description" in each},
    )


def _change(entry: Mapping[str, Any]) -> Change:
    return Change(
        address=entry["address"],
        action=Action[entry["action"].upper()],
        cause=entry["cause"],
        was=entry.get("was", ""),
        fields=tuple(
            FieldChange(name=each["name"], before=each["before"], after=each["after"], forces=each.get("forces", False))
            for each in entry["fields"]
        ),
    )
