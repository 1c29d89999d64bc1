"""What renderings of a review say alike. Text of users in it stands in backquotes, or is a value apart."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcphub_gitops.compiler.lock.movement import Movement
from mcphub_gitops.compiler.plan.admission import OPERATOR
from mcphub_gitops.compiler.plan.plan import FieldChange
from mcphub_gitops.compiler.plan.text import describe_field
from mcphub_gitops.compiler.plan.wording import clean, shorten_digests
from mcphub_gitops.compiler.policy.model import Verdict
from mcphub_gitops.compiler.read.redaction import mask
from mcphub_gitops.compiler.review.finding import Word
from mcphub_gitops.compiler.review.model import (
    Connections,
    Cost,
    GuardChange,
    Judged,
    Permission,
    Review,
    ReviewedTool,
    Setting,
)
from mcphub_gitops.compiler.review.permission import describe
from mcphub_gitops.compiler.review.side import Side
from mcphub_gitops.compiler.review.tool import Definition, ToolAction, ToolClass
from mcphub_gitops.compiler.url import hide_query

SELECTION = ("tool.", "hidden.", "description.", "prompt.", "resource.", "template.")
"""Facts of a server that are told with its tools, and with what else it offers."""

VOID = "An approval of this is void after any push: apply refuses what does not come to this review digest."

_LONGEST = 240
_KEPT = 60
_LONGEST_RUN = 600


def whom(permission: Permission) -> str:
    """Return who a permission is for."""
    return permission.server or "the gateway"


def what(permission: Permission) -> str:
    """Return what a permission is about, with its value; somebody's raw text, without what may be a secret."""
    if permission.after is None:
        return hide(describe(permission.fact, permission.before or ""))
    now = describe(permission.fact, permission.after)
    return hide(now if permission.before is None else f"{now} (was {permission.before})")


def holder(name: str) -> str:
    """Return who reaches a path, in words."""
    return "the gateway's own token" if name == OPERATOR else f"the token {name}"


def hide(text: str) -> str:
    """Return `text` without what may be a secret."""
    return mask(hide_query(text))


def place(permission: Permission, review: Review) -> str:
    """Return where the line of a permission is; of what is gone, on which side."""
    if permission.span is None:
        return ""
    return str(permission.span) if permission.after is not None else f"{review.before.name}:{permission.span}"


def moved(connections: Connections) -> Iterator[tuple[str, str, str]]:
    """Yield a mark, the name and the rest of a sentence of each client that connects to another path."""
    for each in connections.moved:
        if not each.before:
            yield "+", each.client, f"connects to `{each.after}`"
        elif not each.after:
            yield "-", each.client, f"is told of `{each.before}` no longer"
        else:
            yield "~", each.client, f"connects to `{each.after}`, not to `{each.before}`"


def called(side: Side) -> str:
    """Return a side by its name and, where it has another one, its commit."""
    return f"{side.name} ({side.commit[:12]})" if side.commit and not side.commit.startswith(side.name) else side.name


def counts(review: Review) -> str:
    """Return the counts in one line."""
    summary = review.summary
    marks = Counter(each.mark for each in review.offers)
    others = f"; prompts and resources +{marks['+']}, -{marks['-']}, ~{marks['~']}" if marks else ""
    servers = [f"+{len(summary.added)}", f"-{len(summary.removed)}"]
    servers.extend([f"{len(summary.renamed)} renamed"] if summary.renamed else [])
    tools = f"{summary.other_tools} with a changed tool set"
    if summary.other_tools:
        tools += f" ({summary.other_tools_same_image} of them without a new image)"
    return (
        f"servers {', '.join(servers)}, {summary.changed} of {summary.common} common ones changed:"
        f" {summary.other_image} with a new image, {tools};"
        f" tools +{summary.tools_added}, -{summary.tools_removed}, ~{summary.tools_changed}{others}"
    )


_WORST = "taken for one that may destroy and reaches the open world"


def traits(definition: Definition, *, by_catalog: bool = False) -> str:
    """Return what a tool says of itself; what it does not say is taken for the worse (MCP, ToolAnnotations).

    What its catalog says of it, it does not say.
    """
    if set(definition) <= {"name", "_meta"}:
        return f"its name is all that is known: {_WORST}"
    if by_catalog:
        return f"its catalog says this, and the server is not held to it: {_WORST}"
    found = definition.get("annotations")
    hints: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    if hints.get("readOnlyHint") is True:
        writes = "says that it only reads"
    elif hints.get("destructiveHint") is False:
        writes = "writes, and says that it destroys nothing"
    elif "destructiveHint" in hints:
        writes = "says that it may destroy"
    else:
        writes = "does not say that it destroys nothing: taken for one that may"
    if hints.get("openWorldHint") is False:
        return f"{writes}; says that it stays in its own system"
    stated = "says that it reaches the open world" if hints.get("openWorldHint") is True else ""
    return f"{writes}; {stated or 'does not say where it reaches: taken for the open world'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """The tools of a server: names of those that are gone, of new ones of which no more is known, and all others."""

    gone: tuple[str, ...]
    bare: tuple[str, ...]
    others: tuple[ReviewedTool, ...]


def grouped(tools: Iterable[ReviewedTool]) -> Grouped:
    """Return `tools` with those put together of which there is nothing to say but their names."""
    gone, bare, others = [], [], []
    for each in tools:
        change = each.change
        is_plain = len(change.findings) <= 1 and change.worst is not ToolClass.SUSPICIOUS
        if is_plain and change.action is ToolAction.REMOVED:
            gone.append(change.tool)
        elif is_plain and change.action is ToolAction.ADDED and len(change.after or {}) == 1 and each.name:
            bare.append(change.tool)
        else:
            others.append(each)
    return Grouped(gone=tuple(gone), bare=tuple(bare), others=tuple(others))


BARE = "names are all that is known: taken for ones that may destroy and reach the open world"


def own_words(definition: Definition) -> str:
    """Return the beginning of a tool's description; somebody's raw text."""
    found = definition.get("description")
    text = " ".join(found.split()) if isinstance(found, str) else ""
    return hide(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def shortened(words: tuple[Word, ...]) -> Iterator[Word]:
    """Yield the runs of a word diff; of long ones that were kept what borders on others, of others the beginning."""
    for number, word in enumerate(words):
        text = hide(word.text)
        if word.mark == " " and len(text) > 2 * _KEPT:
            head = "" if number == 0 else text[:_KEPT]
            tail = "" if number == len(words) - 1 else text[-_KEPT:]
            text = f"{head} … {tail}"
        elif len(text) > _LONGEST_RUN:
            text = f"{text[:_LONGEST_RUN]} … ({len(text) - _LONGEST_RUN} characters more)"
        yield Word(text=text, mark=word.mark)


def difference(cost: Cost) -> str:
    """Return what a path costs before and after."""
    if cost.before is None or cost.after is None:
        return f"{'none' if cost.before is None else cost.before} -> {'none' if cost.after is None else cost.after}"
    change = cost.after - cost.before
    return f"{cost.before} -> {cost.after} ({change:+})" if change else f"{cost.after}, as before"


def judged(each: Judged) -> str:
    """Return what became of a rule's word, in a few of ours."""
    if each.gone:
        return f"no longer {each.was}"
    if each.is_new:
        return f"now {each.verdict.outcome}{f', was {each.was}' if each.was else ''}"
    return f"still {each.verdict.outcome}"


def waived(verdict: Verdict) -> str:
    """Return who answers for what is waived, and until when; somebody's raw text."""
    waiver = verdict.waiver
    if waiver is None or verdict.outcome != "waived":
        return ""
    return f"{waiver.owner} answers for it through {waiver.expires}: {waiver.reason}"


def guarded(each: GuardChange) -> str:
    """Return which rule, waiver or tag it is; somebody's raw text."""
    of = {"rule": f"rule {each.name}", "waiver": f"waiver of {each.name} for {each.subject}"}
    return of.get(each.kind, f"tag {each.name} of {each.subject}s")


def guard_facts(each: GuardChange) -> Iterator[str]:
    """Yield what a rule, waiver or tag says, or said, fact by fact; somebody's raw text."""
    for field in each.fields:
        yield described(field.name, field.before, field.after)


def set_to(each: Setting) -> str:
    """Return how a part of the document differs; somebody's raw text."""
    is_shown = each.before or each.after
    return described(each.path, each.before, each.after) if is_shown else f"{each.mark} {clean(each.path)}"


def described(name: str, before: str | None, after: str | None) -> str:
    """Return how a value differs, without what may be a secret; somebody's raw text."""
    one, other = (hide(value) if value is not None else None for value in (before, after))
    return describe_field(FieldChange(name=name, before=one, after=other))


def side_place(each: GuardChange | Setting, review: Review) -> str:
    """Return where it stands; of what is gone, on which side."""
    if each.span is None:
        return ""
    return f"{review.before.name}:{each.span}" if each.mark == "-" else str(each.span)


def pinned(moved: Movement) -> str:
    """Return what moved in a lock; somebody's raw text."""
    return shorten_digests(hide(str(moved)))


def shown_verdicts(review: Review) -> tuple[Judged, ...]:
    """Return what is worth a line: all but warnings that stand as they stood."""
    return tuple(each for each in review.verdicts if each.gone or each.is_new or each.verdict.outcome != "warned")


def nothing(review: Review) -> str:
    """Return the one line of a review in which nothing changes; names of sides in it are users' text, in backquotes."""
    digest = f" (review digest `{review.after.review}`)" if review.after.review else ""
    return f"No changes: `{called(review.before)}` and `{called(review.after)}` come to the same{digest}."
