"""The protocol toward the one client of a pair of streams, without them: a line goes in, a command comes out.

The client owns the streams, so there is no token and no session of a name: the handshake of the old era holds for as
long as they are open. A request that carries the envelope of revision 2026-07-28 is of that revision, before and after
a handshake. Sources: MCP 2025-11-25 "Lifecycle", "Cancellation"; 2026-07-28 "stdio", "Versioning", "Subscriptions".
"""

from typing import Final

import msgspec

from mcphub_gitops.runtime.gateway import bridge, session, wire
from mcphub_gitops.runtime.gateway.routing import LEGACY_STREAMS, Table
from mcphub_gitops.runtime.gateway.session import Cancel, Command, Reply
from mcphub_gitops.runtime.gateway.wire import Fault, Message, Raw

SESSION: Final = "streams"
"""What the one session of the old era is called."""

MOST_SUBSCRIPTIONS: Final = 64

_SUBSCRIPTION: Final = b'"io.modelcontextprotocol/subscriptionId"'
_CHANGED: Final = "notifications/tools/list_changed"
_NOTHING: Final = Reply(202)


class _Filter(msgspec.Struct):
    toolsListChanged: bool = False  # noqa: N815  (the wire's spelling)


class Conversation:
    """What is to be known of the client: whether it has shaken hands, and what it wants to be told."""

    def __init__(self) -> None:
        self._greeted = False
        self._initialized = False
        self._subscriptions: dict[bytes, bool] = {}

    def hear(self, line: bytes, table: Table) -> Command:
        """Return what to do about the message in `line`; the body of a Reply is the answer, if there is one."""
        try:
            message = wire.read(line)
        except Fault as reason:
            # Without an id nobody would know that this one is answered, and the client would wait for its deadline.
            return _fail(reason.identity or wire.outer_identity(line), reason)
        if message.method is None:
            return _NOTHING  # the gateway asks its client nothing, so this answers nothing
        if message.id is None:
            return self._notification(message)
        try:
            return self._request(message, message.id, table)
        except Fault as reason:
            return _fail(message.id, reason)

    def changes(self) -> list[bytes]:
        """Return what the client is to be told when the list of tools has changed."""
        told = [_notification(_CHANGED, b"{}")] if self._initialized else []
        tags = (b'{"_meta":{%b:%b}}' % (_SUBSCRIPTION, each) for each, wanted in self._subscriptions.items() if wanted)
        return told + [_notification(_CHANGED, tag) for tag in tags]

    def end(self) -> list[bytes]:
        """Return what ends the subscriptions that are open, and forget them."""
        ended = [
            wire.result(each, b'{"resultType":"complete","_meta":{%b:%b}}' % (_SUBSCRIPTION, each))
            for each in self._subscriptions
        ]
        self._subscriptions.clear()
        return ended

    def _notification(self, message: Message) -> Command:
        if message.method == "notifications/initialized":
            self._initialized = self._greeted
        target = message.params.get("requestId") if message.method == "notifications/cancelled" else None
        if target is None or self._subscriptions.pop(bytes(target), None) is not None:
            return _NOTHING
        return Cancel(SESSION, bytes(target))

    def _request(self, message: Message, identity: bytes, table: Table) -> Command:
        if _has_envelope(message):
            return self._modern(message, identity, table)
        if message.method == "initialize":
            revision = session.agreed_revision(message, LEGACY_STREAMS)
            self._greeted = True
            return Reply(200, wire.result(identity, table.initialize_told[revision]))
        if not self._greeted and message.method != "ping":
            # A client of the new era that forgot its envelope is owed this code as well.
            raise Fault(
                wire.INVALID_PARAMS, f'params._meta lacks {bridge.VERSION_KEY!r}, and there was no "initialize"'
            )
        return session.legacy_request(message, identity, table, SESSION)

    def _modern(self, message: Message, identity: bytes, table: Table) -> Command:
        session.check_version(session.envelope_version(message))
        if message.method == "server/discover":
            return Reply(200, wire.result(identity, table.discover_told))
        if message.method == "subscriptions/listen":
            return self._listen(message, identity)
        return session.modern_request(message, identity, table)

    def _listen(self, message: Message, identity: bytes) -> Command:
        try:
            wanted = msgspec.json.decode(message.params.get("notifications", Raw(b"null")), type=_Filter)
        except msgspec.MsgspecError:
            raise Fault(wire.INVALID_PARAMS, 'The member "notifications" must be an object of wishes') from None
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            raise Fault(wire.UNAVAILABLE, "Too many subscriptions are open")
        self._subscriptions[identity] = wanted.toolsListChanged
        agreed = b'{"toolsListChanged":true}' if wanted.toolsListChanged else b"{}"
        told = b'{"_meta":{%b:%b},"notifications":%b}' % (_SUBSCRIPTION, identity, agreed)
        return Reply(200, _notification("notifications/subscriptions/acknowledged", told))


def _has_envelope(message: Message) -> bool:
    meta = message.params.get("_meta")
    return meta is not None and bytes(meta).startswith(b"{") and bridge.VERSION_KEY in wire.members(meta)


def _notification(method: str, params: bytes) -> bytes:
    return wire.notification(method, params).rstrip(b"\n")


def _fail(identity: bytes | None, reason: Fault) -> Reply:
    return Reply(200, wire.fault(identity, reason))
