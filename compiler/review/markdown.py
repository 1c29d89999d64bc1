"""A review as one comment of a pull request: the worst first, collapsed by server, and no longer than a forge takes."""

from collections.abc import Iterable, Iterator

from mcphub_gitops.compiler.enumeration import count, listed
from mcphub_gitops.compiler.plan.plan import Change, FieldChange
from mcphub_gitops.compiler.plan.wording import shorten
from mcphub_gitops.compiler.resolve.offer import WORDS
from mcphub_gitops.compiler.review import phrase
from mcphub_gitops.compiler.review.finding import Finding
from mcphub_gitops.compiler.review.marker import marker_of, title_of
from mcphub_gitops.compiler.review.model import Exposure, Reach, Review, ReviewedTool
from mcphub_gitops.compiler.review.quoting import cell, code, said
from mcphub_gitops.compiler.review.tokens import TOKENIZER
from mcphub_gitops.compiler.review.tool import ToolAction

MOST = 60_000
"""How many characters a comment may have: GitHub takes 65,536, and what posts it may add a line."""

_ROOM = {"Permissions": 10_000, "Changes of policies": 6_000, "Policies": 6_000, "Reach": 6_000}
_FOR_ROWS = 4_000
"""How many characters a table or list may have before it is cut: together they leave a third for the servers."""

_MOST_NAMES = 12
_MOST_FIELDS = 12
_MOST_TOOLS = 20
_MOST_FINDINGS = 12
_MARKS = {" ": "", "-": "~~", "+": "**"}


def render_markdown(review: Review, *, whole: str) -> str:
    """Return the review as Markdown; `whole` is the command that prints what had to be left out.

    The first line is a comment by which the pull request's own is found again. Text of users is code throughout.
    """
    head = f"{marker_of(review.after.hub or review.before.hub or 'locks', review.after.environment)}\n"
    if review.is_empty:
        return f"{head}{said(phrase.nothing(review))}\n"
    above = [head + _headline(review), *_first(review, whole)]
    below = [*_last(review, whole), phrase.VOID if review.after.review else ""]
    room = MOST - sum(len(block) + 2 for block in (*above, *below))
    blocks = [*above, _details(review, room, whole), *below]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _headline(review: Review) -> str:
    before, after = review.before, review.after
    lines = [f"{title_of(after.environment)} {said(review.headline)}", "", phrase.counts(review), ""]
    for word, side in (("from", before), ("to", after)):
        digest = f", review digest {code(side.review)}" if side.review else ""
        lines.append(f"- {word} {code(phrase.called(side))}{digest}")
    return "\n".join(lines)


def _first(review: Review, whole: str) -> Iterator[str]:
    unchanged = f"\n\nunchanged: {', '.join(review.unchanged)}" if review.unchanged else ""
    if review.permissions:
        yield _table("Permissions", ("", "what", "to", "line"), _permissions(review), whole) + unchanged
    else:
        yield f"#### Permissions\n\nNone changes.{unchanged}"
    yield _list("Where a secret can go", _travels(review), whole)
    yield _list("Reach", _reach(review), whole)


def _last(review: Review, whole: str) -> Iterator[str]:
    yield _list("Prompts and resources", _offers(review), whole)
    costs = ((_path(each.path, each.name), phrase.difference(each)) for each in review.costs)
    if review.costs or not review.after.servers:
        yield _table(f"Tokens ({TOKENIZER})", ("path", "tokens"), costs, whole)
    else:
        yield f"#### Tokens ({TOKENIZER})\n\nAs before: no tool differs."
    yield _table("Changes of policies", ("", "", "what", "says", "line"), _guards(review), whole)
    yield _table("Policies", ("", "rule", "subject", "why", "line"), _verdicts(review), whole)
    yield _table("Settings of the hub", ("what", "line"), _settings(review), whole)
    yield _list("Lock", (code(phrase.pinned(each)) for each in review.pins), whole)
    yield _list("When it is merged and applied", map(said, review.effects), whole)
    yield _list("To undo it", map(said, review.undo), whole)
    yield _list("Not checked", map(said, review.unchecked), whole)


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], whole: str) -> str:
    lines = [f"| {' | '.join(cell(each) for each in row)} |" for row in rows]
    if not lines:
        return ""
    shown, left_out = _fitting(lines, _ROOM.get(title, _FOR_ROWS))
    head = f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
    return "\n".join([f"#### {title}\n", head, *shown, *_cut(left_out, whole)])


def _list(title: str, told: Iterable[str], whole: str) -> str:
    found = list(told)
    if not found:
        return ""
    lines = [line if line.startswith("  ") else f"- {line}" for line in found]
    shown, left_out = _fitting(lines, _ROOM.get(title, _FOR_ROWS))
    return "\n".join([f"#### {title}\n", *shown, *_cut(left_out, whole)])


def _fitting(lines: list[str], room: int) -> tuple[list[str], int]:
    """Return the first of `lines` that fit into `room` characters, and how many do not."""
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return lines[:number], len(lines) - number
    return lines, 0


def _cut(left_out: int, whole: str) -> list[str]:
    return [f"\n{left_out} more are left out here: {code(whole)} prints all of it."] if left_out else []


def _permissions(review: Review) -> Iterator[tuple[str, ...]]:
    for each in review.permissions:
        yield (
            code(each.mark),
            code(shorten(phrase.what(each))),
            code(phrase.whom(each)),
            code(phrase.place(each, review)),
        )


def _travels(review: Review) -> Iterator[str]:
    for each in review.travels:
        yield f"{code(each.variable)} ({code(phrase.hide(each.reference))}) in {code(each.server)}"
        yield from (f"  - {said(way)}" for way in each.ways)
        if each.sharing:
            yield f"  - these have the same secret: {_some(each.sharing)}"
        reached = _some(each.profiles) or "no profile; by whoever may use the whole gateway"
        yield f"  - {code(each.server)} is reached by {reached}"


def _path(path: str, name: str) -> str:
    return f"{code(path)} ({f'profile {code(name)}' if name else 'the whole gateway'})"


def _reach(review: Review) -> Iterator[str]:
    for each in review.reach:
        yield from _at_path(each, review.connections.at.get(each.path, ()))
    yield from (
        f"{code(mark)} client {code(name)} {said(words)}" for mark, name, words in phrase.moved(review.connections)
    )
    if review.untouched:
        yield f"not touched: {_some(review.untouched)}"
    if review.connections.untouched:
        yield f"clients not touched: {_some(review.connections.untouched)}"


def _at_path(each: Reach, clients: tuple[str, ...]) -> Iterator[str]:
    yield f"{_path(each.path, each.name)}{f', was at {code(each.was)}' if each.was else ''}"
    for mark, holders in (("+", each.admitted), ("-", each.shut_out)):
        if holders:
            no_longer = "" if mark == "+" else "no longer "
            yield f"  - {code(mark)} {no_longer}reached with {_some(tuple(map(phrase.holder, holders)))}"
    for mark, tools in (("+", each.gained), ("~", each.changed), ("-", each.lost)):
        if tools:
            yield f"  - {code(mark)} {count(len(tools), 'tool')}: {_some(tools)}"
    if each.servers:
        yield f"  - servers that change: {_some(each.servers)}"
    if clients:
        yield f"  - clients: {_some(clients)}"


def _offers(review: Review) -> Iterator[str]:
    for each in review.offers:
        seen = "" if each.name == each.own else f" (clients see {code(each.name)})"
        what = f"{WORDS[each.kind]} {code(shorten(each.own))} of {code(each.server)}"
        yield f"{code(each.mark)} {what}{seen}: **{each.worst.value}**"
        yield from (f"  - {_found(finding)}" for finding in each.findings[:_MOST_FINDINGS])
        yield from _rest("  - ", len(each.findings), _MOST_FINDINGS, "places")
        words = code(phrase.own_words({"description": each.description}))
        yield from [f"  - {words}"] if each.description else []


def _guards(review: Review) -> Iterator[tuple[str, ...]]:
    for each in review.guards:
        says = "<br>".join(map(code, phrase.guard_facts(each)))
        yield (
            code(each.mark),
            each.weight.value,
            code(phrase.guarded(each)),
            says,
            code(phrase.side_place(each, review)),
        )


def _settings(review: Review) -> Iterator[tuple[str, ...]]:
    for each in review.settings:
        yield code(phrase.set_to(each)), code(phrase.side_place(each, review))


def _verdicts(review: Review) -> Iterator[tuple[str, ...]]:
    for each in phrase.shown_verdicts(review):
        rule, verdict = each.verdict.rule, each.verdict
        why = " — ".join(filter(None, (code(rule.message), code(phrase.waived(verdict)))))
        yield said(phrase.judged(each)), code(rule.name), code(verdict.subject), why, code(str(rule.span))


def _details(review: Review, room: int, whole: str) -> str:
    """Return a collapsed block a server that changes, as many as fit, those with the worst tools first."""
    changes = {each.name: each for each in review.servers}
    tools: dict[str, list[ReviewedTool]] = {}
    for tool in review.tools:
        tools.setdefault(tool.change.server, []).append(tool)
    exposures: dict[str, list[Exposure]] = {}
    for exposure in review.exposures:
        exposures.setdefault(exposure.server, []).append(exposure)
    names = sorted({*changes, *tools, *exposures}, key=lambda name: (_worst(tools.get(name, [])), name))
    blocks = [_server(name, changes.get(name), tools.get(name, []), exposures.get(name, [])) for name in names]
    if review.gateway:
        blocks.insert(0, "\n".join(f"- the gateway: {_field(field)}" for field in review.gateway))
    if not blocks:
        return ""
    head = "#### Servers and their tools\n"
    shown, left_out = _fitting(blocks, room - len(head) - 200)
    cut = [f"{left_out} more servers are left out here: {code(whole)} prints all of it."] if left_out else []
    return "\n".join([head, *shown, *cut])


def _worst(tools: list[ReviewedTool]) -> int:
    ranks = [each.change.worst.rank for each in tools if each.change.worst is not None]
    return min(ranks, default=9)


def _server(name: str, change: Change | None, tools: list[ReviewedTool], exposures: list[Exposure]) -> str:
    fate = f"will be {change.action.past}" if change is not None else "stays as it is"
    number = len(tools) + len(exposures)
    summary = f"{fate}, {count(number, 'tool')} changed" if number else fate
    worst = min((each.change.worst for each in tools if each.change.worst), key=lambda each: each.rank, default=None)
    head = f"<details><summary><code>{name}</code>: {summary}{f', at worst {worst.value}' if worst else ''}</summary>"
    served = [_exposure(each) for each in exposures[:_MOST_TOOLS]]
    lines = [*_change(change), *_tools(tools), *served, *_rest("- ", len(exposures), _MOST_TOOLS, "names")]
    return "\n".join([head, "", *lines, "", "</details>", ""])


def _change(change: Change | None) -> Iterator[str]:
    if change is not None:
        yield f"- {code(change.action.value)} {said(change.cause)}"
        fields = [each for each in change.fields if not each.name.startswith(phrase.SELECTION)]
        yield from (f"  - {_field(each)}" for each in fields[:_MOST_FIELDS])
        yield from _rest("  - ", len(fields), _MOST_FIELDS, "facts")


def _rest(mark: str, number: int, most: int, nouns: str) -> Iterator[str]:
    if number > most:
        yield f"{mark}and {number - most} more {nouns}"


def _field(field: FieldChange) -> str:
    before, after = (
        code(phrase.hide(shorten(each))) if each is not None else "" for each in (field.before, field.after)
    )
    arrow = " → " if before and after else ""
    mark = "+" if field.before is None else "-" if field.after is None else "~"
    return f"{code(mark)} {code(field.name)}: {before}{arrow}{after}"


def _tools(tools: list[ReviewedTool]) -> Iterator[str]:
    grouped = phrase.grouped(tools)
    if grouped.bare:
        yield f"- {code('+')} {count(len(grouped.bare), 'tool')}: {_some(grouped.bare, _MOST_TOOLS)}: **widening**"
        yield f"  - {phrase.BARE}"
    if grouped.gone:
        names = _some(grouped.gone, _MOST_TOOLS)
        yield f"- {code('-')} {count(len(grouped.gone), 'tool')} gone: {names}: **breaking**"
    yield from (line for each in grouped.others[:_MOST_TOOLS] for line in _tool(each))
    yield from _rest("- ", len(grouped.others), _MOST_TOOLS, "tools")


def _tool(each: ReviewedTool) -> Iterator[str]:
    change = each.change
    renamed = f", called {code(change.was)} before" if change.was else ""
    seen = f" (clients see {code(each.name)})" if each.name else " (clients do not see it)"
    worst = f": **{change.worst.value}**" if change.worst is not None else ""
    yield f"- {code(change.action.value)} {code(change.tool)}{renamed}{'' if each.name == change.tool else seen}{worst}"
    for finding in change.findings[:_MOST_FINDINGS]:
        yield f"  - {_found(finding)}"
    yield from _rest("  - ", len(change.findings), _MOST_FINDINGS, "places")
    if change.action is ToolAction.ADDED and change.after is not None:
        words = code(phrase.own_words(change.after))
        yield from [f"  - {words}"] if words else []
        yield f"  - {said(phrase.traits(change.after, by_catalog=each.by_catalog))}"


def _found(finding: Finding) -> str:
    where = f"{code(finding.where)}: " if finding.where else ""
    return f"{finding.cls.value}: {where}{said(finding.said)}{_words(finding)}"


def _words(finding: Finding) -> str:
    runs = ((word.mark, code(word.text)) for word in phrase.shortened(finding.words))
    shown = " ".join(f"{_MARKS[mark]}{text}{_MARKS[mark]}" for mark, text in runs if text)
    return f"<br>{shown}" if shown else ""


def _exposure(each: Exposure) -> str:
    if not each.before:
        return f"- {code('+')} {code(each.tool)} is served now, as {code(each.after)}"
    if not each.after:
        return f"- {code('-')} {code(each.tool)} is served no longer"
    return f"- {code('~')} clients see {code(each.tool)} as {code(each.after)}, not {code(each.before)}"


def _some(names: tuple[str, ...], most: int = _MOST_NAMES) -> str:
    return listed([code(name) for name in names], most)
