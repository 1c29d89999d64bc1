"""A review as people read it in a terminal."""

from collections.abc import Iterable, Iterator

from mcphub_gitops.compiler.enumeration import count, listed
from mcphub_gitops.compiler.plan.text import describe_field
from mcphub_gitops.compiler.plan.wording import shorten
from mcphub_gitops.compiler.resolve.offer import WORDS
from mcphub_gitops.compiler.review import phrase
from mcphub_gitops.compiler.review.finding import Finding
from mcphub_gitops.compiler.review.model import Exposure, Reach, Review, ReviewedTool, Travel
from mcphub_gitops.compiler.review.offer import ReviewedOffer
from mcphub_gitops.compiler.review.tokens import TOKENIZER
from mcphub_gitops.compiler.review.tool import ToolAction
from mcphub_gitops.compiler.source import printable

_MOST_TOOLS = 12
_MARKS = {" ": ("", ""), "-": ("[-", "-]"), "+": ("{+", "+}")}


def render_text(review: Review) -> str:
    """Return the review as text: the worst first, one line where nothing changes; no text of a user's makes a line."""
    if review.is_empty:
        return f"{printable(phrase.nothing(review))}\n"
    blocks = [
        _head(review),
        _block("Permissions", _permissions(review)),
        _block("Where a secret can go", _travels(review.travels)),
        _block("Reach", _reach(review)),
        _block("Tools", _tools(review)),
        _block("Prompts and resources", _offers(review.offers)),
        _block(f"Tokens ({TOKENIZER})", _costs(review)),
        _block("Changes of policies", _guards(review)),
        _block("Policies", _verdicts(review)),
        _block("Servers", _servers(review)),
        _block("Settings of the hub", _settings(review)),
        _block("Lock", map(phrase.pinned, review.pins)),
        _block("When it is merged and applied", review.effects),
        _block("To undo it", review.undo),
        _block("Not checked", review.unchecked),
    ]
    last = f"{phrase.VOID}\n" if review.after.review else ""
    return "\n\n".join(block for block in blocks if block) + f"\n\n{last}".rstrip("\n") + "\n"


def _head(review: Review) -> str:
    before, after = review.before, review.after
    environment = f" ({after.environment})" if after.environment else ""
    lines = [
        f"{after.hub or before.hub or 'locks'}{environment}: {review.headline}",
        f"  {phrase.counts(review)}",
    ]
    for word, side in (("from", before), ("to", after)):
        digest = f", review digest {side.review}" if side.review else ""
        lines.append(f"  {word.ljust(4)} {phrase.called(side)}{digest}")
    return "\n".join(printable(line) for line in lines)


def _block(title: str, lines: Iterable[str]) -> str:
    found = [f"  {printable(line)}" for line in lines]
    return "\n".join([f"{title}:", *found]) if found else ""


def _permissions(review: Review) -> Iterator[str]:
    for each in review.permissions:
        where = _at(phrase.place(each, review))
        yield f"{each.mark} {shorten(phrase.what(each))} -> {phrase.whom(each)}{where}"
    if review.unchanged:
        yield f"unchanged: {', '.join(review.unchanged)}"


def _travels(travels: Iterable[Travel]) -> Iterator[str]:
    for each in travels:
        yield f"{each.variable} ({shorten(phrase.hide(each.reference))}) in {each.server}:"
        yield from (f"  {way}" for way in each.ways)
        if each.sharing:
            yield f"  these have the same secret: {', '.join(each.sharing)}"
        reached = ", ".join(each.profiles) or "no profile; by whoever may use the whole gateway"
        yield f"  {each.server} is reached by {reached}"


def _reach(review: Review) -> Iterator[str]:
    for each in review.reach:
        yield from _at_path(each, review.connections.at.get(each.path, ()))
    yield from (f"{mark} client {name} {words}" for mark, name, words in phrase.moved(review.connections))
    if review.untouched:
        yield f"not touched: {_some(review.untouched)}"
    if review.connections.untouched:
        yield f"clients not touched: {_some(review.connections.untouched)}"


def _at_path(each: Reach, clients: tuple[str, ...]) -> Iterator[str]:
    yield f"{each.path} ({f'profile {each.name}' if each.name else 'the whole gateway'}){_moved(each)}"
    for mark, holders in (("+", each.admitted), ("-", each.shut_out)):
        if holders:
            no_longer = "" if mark == "+" else "no longer "
            yield f"  {mark} {no_longer}reached with {_some(tuple(map(phrase.holder, holders)))}"
    for mark, tools in (("+", each.gained), ("~", each.changed), ("-", each.lost)):
        if tools:
            yield f"  {mark} {count(len(tools), 'tool')}: {_some(tools)}"
    if each.servers:
        yield f"  servers that change: {_some(each.servers)}"
    if clients:
        yield f"  clients: {_some(clients)}"


def _moved(each: Reach) -> str:
    return f", was at {each.was}" if each.was else ""


def _tools(review: Review) -> Iterator[str]:
    tools: dict[str, list[ReviewedTool]] = {}
    for each in review.tools:
        tools.setdefault(each.change.server, []).append(each)
    lines = {server: list(_of_server(own)) for server, own in tools.items()}
    for exposure in review.exposures:
        lines.setdefault(exposure.server, []).append(_exposure(exposure))
    for server, told in sorted(lines.items()):
        yield f"{server}:"
        yield from told


def _offers(offers: Iterable[ReviewedOffer]) -> Iterator[str]:
    for each in offers:
        seen = "" if each.name == each.own else f" (clients see {each.name})"
        yield f"{each.mark} {WORDS[each.kind]} {each.own} of {each.server}{seen}: {each.worst.value}"
        for finding in each.findings:
            yield from _finding(finding)
        words = phrase.own_words({"description": each.description})
        yield from [f'      "{words}"'] if words else []


def _of_server(tools: list[ReviewedTool]) -> Iterator[str]:
    grouped = phrase.grouped(tools)
    if grouped.bare:
        yield f"  + {count(len(grouped.bare), 'tool')}, widening: {', '.join(grouped.bare)}"
        yield f"      {phrase.BARE}"
    if grouped.gone:
        yield f"  - {count(len(grouped.gone), 'tool')} gone, breaking: {', '.join(grouped.gone)}"
    yield from (line for each in grouped.others for line in _tool(each))


def _exposure(each: Exposure) -> str:
    if not each.before:
        return f"  + {each.tool} is served now, as {each.after}"
    if not each.after:
        return f"  - {each.tool} is served no longer"
    return f"  ~ clients see {each.tool} as {each.after}, not {each.before}"


def _tool(each: ReviewedTool) -> Iterator[str]:
    change = each.change
    renamed = f", called {change.was} before" if change.was else ""
    seen = (
        "" if each.name == change.tool else f" (clients see {each.name})" if each.name else " (clients do not see it)"
    )
    worst = f": {change.worst.value}" if change.worst is not None else ""
    yield f"  {change.action.value} {change.tool}{renamed}{seen}{worst}"
    for finding in change.findings:
        yield from _finding(finding)
    if change.action is ToolAction.ADDED and change.after is not None:
        words = phrase.own_words(change.after)
        yield from [f'      "{words}"'] if words else []
        yield f"      {phrase.traits(change.after, by_catalog=each.by_catalog)}"


def _finding(finding: Finding) -> Iterator[str]:
    yield f"      {finding.cls.value}: {f'{finding.where}: ' if finding.where else ''}{finding.said}"
    if finding.words:
        yield f"        {_words(finding)}"


def _words(finding: Finding) -> str:
    shown = ((_MARKS[word.mark], word.text) for word in phrase.shortened(finding.words))
    return " ".join("".join(f"{head}{text}{tail}" for (head, tail), text in shown).split())


def _costs(review: Review) -> Iterator[str]:
    if not review.costs and review.after.servers:
        yield "as before: no tool differs"
    for each in review.costs:
        yield f"{each.path} ({f'profile {each.name}' if each.name else 'the whole gateway'}): {phrase.difference(each)}"


def _guards(review: Review) -> Iterator[str]:
    for each in review.guards:
        yield f"{each.mark} {each.weight.value}: {phrase.guarded(each)}{_at(phrase.side_place(each, review))}"
        yield from (f"    {line}" for line in phrase.guard_facts(each))


def _settings(review: Review) -> Iterator[str]:
    for each in review.settings:
        yield f"{phrase.set_to(each)}{_at(phrase.side_place(each, review))}"


def _at(place: str) -> str:
    return f"  ({place})" if place else ""


def _verdicts(review: Review) -> Iterator[str]:
    for each in phrase.shown_verdicts(review):
        rule = each.verdict.rule
        yield f"{phrase.judged(each)}: {rule.name} of {each.verdict.subject}: {rule.message}  ({rule.span})"
        waiver = phrase.waived(each.verdict)
        yield from [f"  {waiver}"] if waiver else []


def _servers(review: Review) -> Iterator[str]:
    for each in review.servers:
        was = f" from {each.old_name}" if each.was else ""
        yield f"{each.action.value} {each.name} will be {each.action.past}{was}: {each.cause}"
        for field in each.fields:
            if not field.name.startswith(phrase.SELECTION):
                yield f"    {phrase.hide(describe_field(field))}"
    yield from (f"~ gateway: {phrase.hide(describe_field(field))}" for field in review.gateway)


def _some(names: tuple[str, ...]) -> str:
    return listed(names, _MOST_TOOLS)
