"""The first phase that a user sees: one hub document, read, checked and decoded."""

from dataclasses import dataclass

from mcphub_gitops.compiler.diagnostic import Diagnostic, sort
from mcphub_gitops.compiler.read import shape, syntax
from mcphub_gitops.compiler.read.redaction import hide_secrets
from mcphub_gitops.compiler.resolve.decode import decode
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.schemas import load_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """A hub as far as it could be understood, its source for excerpts, and all that is wrong, in order of place."""

    source: Source
    hub: Hub | None
    diagnostics: tuple[Diagnostic, ...]


def validate(name: str, data: bytes) -> Validated:
    """Validate the hub document `data`, known to the user as `name`; never raises on any input."""
    parsed = syntax.parse(name, data)
    source = hide_secrets(parsed.source, parsed.root)
    if parsed.root is None:
        return Validated(source=source, hub=None, diagnostics=sort(parsed.diagnostics))
    shaped = shape.check(parsed.root, load_schema("hub.v1"))
    hub, decoded = decode(parsed.root)
    return Validated(source=source, hub=hub, diagnostics=sort(parsed.diagnostics + shaped + decoded))
