"""An account as people read it."""

from collections.abc import Iterable

from mcphub_gitops.compiler.account.statement import Statement
from mcphub_gitops.compiler.source import printable

_NAMED = frozenset({"env", "header", "secret", "policy", "waiver", "platform", "error", "warning", "note"})
"""Topics whose text does not say the name that it is about."""


def render_account(subject: str, hub: str, statements: Iterable[Statement]) -> str:
    """Return what `statements` say of `subject`, each topic once, each line with the place that makes it so."""
    told = tuple(statements)
    width = max((len(each.topic) for each in told), default=0)
    lines, above = [f"{printable(subject)}, of the hub {printable(hub)}", ""], ""
    for each in told:
        head = each.topic if each.topic != above else ""
        above = each.topic
        place = f"  ({each.span})" if each.span is not None else ""
        text = f"{each.name}: {each.text}" if each.topic in _NAMED else each.text
        lines.append(f"  {head.ljust(width)}  {printable(text)}{place}")
    return "\n".join(lines) + "\n"
