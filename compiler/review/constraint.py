"""One keyword of a schema before and after: whether it lets more or less through."""

from collections.abc import Callable, Mapping
from enum import Enum
from math import isfinite
from typing import Any, Final, NamedTuple

from mcphub_gitops.compiler.canonical import encode
from mcphub_gitops.compiler.review.finding import MISSING, Json, is_order, is_same, quoted, shown


class Effect(Enum):
    """What a change does to the values that a schema accepts."""

    NARROWED = "narrowed"
    WIDENED = "widened"
    UNCLEAR = "unclear"
    NONE = "none"


class Verdict(NamedTuple):
    """What one keyword's change does, and one sentence about it."""

    effect: Effect
    said: str


MEANS_THE_SAME: Final = "It is written differently, and means the same."

_Judge = Callable[[str, Json, Json], Verdict | None]

_LEAST = frozenset({"exclusiveMinimum", "minContains", "minItems", "minLength", "minProperties", "minimum"})
_MOST = frozenset({"exclusiveMaximum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"})
_FORMS = frozenset({"contentEncoding", "contentMediaType", "format", "pattern"})
_OPAQUE = frozenset(
    {"$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$vocabulary", "else", "if"}
    | {"not", "then", "x-mcp-header"}
)
DIALECTS: Final = frozenset(
    {f"http://json-schema.org/draft-0{number}/schema{end}" for number in (4, 6, 7) for end in ("", "#")}
    | {f"https://json-schema.org/draft/{name}/schema{end}" for name in ("2019-09", "2020-12") for end in ("", "#")}
)
"""Dialects in which the keywords that tools use mean the same."""

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def judge(keyword: str, before: Json, after: Json) -> Verdict | None:
    """Return what the change of `keyword` does; None for an order that means nothing, and for keywords of others.

    Those that hold schemas, names or words are judged elsewhere.
    """
    found = _JUDGES.get(keyword)
    return found(keyword, before, after) if found is not None else None


def is_judged(keyword: str) -> bool:
    """Tell whether `judge` knows `keyword`."""
    return keyword in _JUDGES


def told(keyword: str, before: Json, after: Json) -> str:
    """Return the sentence that says what `keyword` was and is."""
    if before is MISSING:
        return f"{quoted(keyword)} is new: {shown(after)}."
    if after is MISSING:
        return f"{quoted(keyword)} is gone: it was {shown(before)}."
    return f"{quoted(keyword)} is {shown(after)} now, {shown(before)} before."


def compared(before: frozenset[Any], after: frozenset[Any]) -> Effect:
    """Return what it does to accept one of `after` in place of one of `before`."""
    if before == after:
        return Effect.NONE
    return Effect.WIDENED if before < after else Effect.NARROWED if after < before else Effect.UNCLEAR


def _presence(before: object, after: object) -> Effect:
    return Effect.NARROWED if before is MISSING else Effect.WIDENED if after is MISSING else Effect.UNCLEAR


def _bound(keyword: str, before: Json, after: Json) -> Verdict:
    effect = _presence(before, after)
    if effect is Effect.UNCLEAR and _is_number(before) and _is_number(after):
        is_more = after > before
        effect = Effect.NARROWED if is_more == (keyword in _LEAST) else Effect.WIDENED
        effect = effect if after != before else Effect.NONE
    elif not all(_is_number(each) or each is MISSING for each in (before, after)):
        effect = Effect.UNCLEAR
    return Verdict(effect, told(keyword, before, after))


def _multiple(keyword: str, before: Json, after: Json) -> Verdict:
    effect = _presence(before, after)
    if effect is Effect.UNCLEAR and _is_number(before) and _is_number(after) and before and after:
        effect = Effect.WIDENED if not before % after else Effect.NARROWED if not after % before else effect
        effect = effect if after != before else Effect.NONE
    return Verdict(effect, told(keyword, before, after))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _form(keyword: str, before: Json, after: Json) -> Verdict:
    return Verdict(_presence(before, after), told(keyword, before, after))


def _opaque(keyword: str, before: Json, after: Json) -> Verdict:
    return Verdict(Effect.UNCLEAR, told(keyword, before, after))


def _default(keyword: str, before: Json, after: Json) -> Verdict:
    effect = Effect.NONE if before is MISSING else Effect.UNCLEAR
    return Verdict(effect, f"{told(keyword, before, after)[:-1]}, for whoever leaves it out.")


def _flag(keyword: str, before: Json, after: Json) -> Verdict:
    """Judge a keyword that says nothing unless it is true: `uniqueItems` narrows then, `nullable` widens."""
    effect = Effect.NONE
    if all(each is MISSING or isinstance(each, bool) for each in (before, after)):
        if (before is True) != (after is True):
            effect = Effect.NARROWED if (after is True) == (keyword == "uniqueItems") else Effect.WIDENED
    else:
        effect = Effect.UNCLEAR
    return Verdict(effect, told(keyword, before, after))


def _dialect(keyword: str, before: Json, after: Json) -> Verdict:
    is_known = all(each is MISSING or (isinstance(each, str) and each in DIALECTS) for each in (before, after))
    return Verdict(Effect.NONE if is_known else Effect.UNCLEAR, told(keyword, before, after))


def _type(keyword: str, before: Json, after: Json) -> Verdict | None:
    old, new = types_of(before), types_of(after)
    if old is None or new is None:
        return Verdict(Effect.UNCLEAR, told(keyword, before, after))
    if isinstance(before, list) and isinstance(after, list) and sorted(before) == sorted(after):
        return None
    effect = compared(_spread(old), _spread(new))
    return Verdict(effect, MEANS_THE_SAME if effect is Effect.NONE else told(keyword, before, after))


def types_of(value: Json) -> frozenset[str] | None:
    """Return the types that `value`, that of the keyword `type`, names: all where it is MISSING, None for nonsense."""
    if value is MISSING:
        return _TYPES
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or not all(isinstance(each, str) and each in _TYPES for each in named):
        return None
    return frozenset(named)


def _spread(types: frozenset[str]) -> frozenset[str]:
    """Return `types` with what they include: every integer is a number."""
    return types | {"integer"} if "number" in types else types


def judge_values(before: Mapping[str, Any], after: Mapping[str, Any]) -> Verdict | None:
    """Return what the change of `enum` and `const` does; None for another order."""
    pairs = [(key, before.get(key, MISSING), after.get(key, MISSING)) for key in ("const", "enum")]
    changed = [each for each in pairs if not is_same(*each[1:]) and not is_order(*each[1:])]
    if not changed:
        return None
    return _judge_changed(before, after, *changed[0])


def _judge_changed(before: Mapping[str, Any], after: Mapping[str, Any], keyword: str, *both: Json) -> Verdict:
    old, new = _values(before), _values(after)
    if any(not isinstance(each.get("enum", []), list) for each in (before, after)):
        return Verdict(Effect.UNCLEAR, told(keyword, *both))
    if old is None or new is None:
        return Verdict(Effect.NARROWED if old is None else Effect.WIDENED, told(keyword, *both))
    effect = compared(frozenset(old), frozenset(new))
    return Verdict(effect, MEANS_THE_SAME if effect is Effect.NONE else said_values(old, new))


def said_values(old: Mapping[bytes, Any], new: Mapping[bytes, Any]) -> str:
    """Return which values, or alternatives, by their JSON, are accepted in addition and no more."""
    gone = [shown(old[each]) for each in old if each not in new]
    added = [shown(new[each]) for each in new if each not in old]
    parts = [f"{_listed(added)} accepted in addition"] if added else []
    parts += [f"{_listed(gone)} accepted no more"] if gone else []
    return "; ".join(parts) + "."


def _listed(values: list[str]) -> str:
    most = 5
    listed = ", ".join(values[:most])
    more = f" and {len(values) - most:,} more" if len(values) > most else ""
    return f"{listed}{more} {'is' if len(values) == 1 else 'are'}"


def _values(schema: Mapping[str, Any]) -> dict[bytes, Any] | None:
    """Return the values that `enum` and `const` leave, by their JSON; None where neither says anything."""
    listed = schema.get("enum", MISSING)
    found = {encode(each): each for each in listed} if isinstance(listed, list) else None
    if "const" in schema:
        only = encode(schema["const"])
        found = {only: schema["const"]} if found is None or only in found else {}
    return found


_JUDGES: Final[Mapping[str, _Judge]] = {
    **dict.fromkeys(_LEAST | _MOST, _bound),
    **dict.fromkeys(_FORMS, _form),
    **dict.fromkeys(_OPAQUE, _opaque),
    "$schema": _dialect,
    "default": _default,
    "multipleOf": _multiple,
    "nullable": _flag,
    "type": _type,
    "uniqueItems": _flag,
}
