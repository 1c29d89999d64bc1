import difflib

from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix, Replacement
from mcphub_gitops.compiler.repair import repair, show_difference
from mcphub_gitops.compiler.source import Position, Source

TEXTS = st.text(st.sampled_from("ab:\n\r \N{LINE SEPARATOR}\N{GRINNING FACE}é"), max_size=60)


def problem(source: Source, *edits: tuple[int, int, str]) -> Diagnostic:
    replacements = tuple(Replacement(span=source.span(start, end), text=text) for start, end, text in edits)
    fix = Fix(title="mend it", replacements=replacements)
    return Diagnostic(code=codes.UNKNOWN_KEY, detail="", span=replacements[0].span, fix=fix)


def test_nothing_to_fix() -> None:
    source = Source("a", "x: 1\n")
    plain = Diagnostic(code=codes.UNKNOWN_KEY, detail="", span=source.span(0, 1))
    assert repair(source, [plain]).text == source.text
    assert repair(source, [plain]).fixed == ()


def test_what_is_about_another_document_is_left() -> None:
    source, other = Source("a", "x: 1\n"), Source("b", "x: 1\n")
    assert repair(source, [problem(other, (0, 1, "y"))]).fixed == ()


def test_of_fixes_that_touch_the_first_is_carried_out() -> None:
    source = Source("a", "abcdef")
    fixes = [
        problem(source, (2, 4, "X")),
        problem(source, (3, 5, "Y")),
        problem(source, (0, 3, "Z")),
        problem(source, (2, 2, "W")),
        problem(source, (4, 4, "(")),
        problem(source, (0, 1, "V"), (5, 6, "U")),
    ]
    repaired = repair(source, fixes)
    assert repaired.text == "VbX(eU"
    assert repaired.fixed == (fixes[0], fixes[4], fixes[5])


def test_a_fix_is_carried_out_whole_or_not_at_all() -> None:
    source = Source("a", "abcdef")
    repaired = repair(source, [problem(source, (0, 1, "X")), problem(source, (0, 1, "Y"), (3, 4, "Z"))])
    assert repaired.text == "Xbcdef"


@given(TEXTS, st.data())
def test_no_other_character_is_touched(text: str, data: st.DataObject) -> None:
    source = Source("a", text)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    repaired = repair(source, [problem(source, (start, end, "<new>")) for start, end in pairs])
    done = [source.offset(each.span.start) for each in repaired.fixed]
    kept, position = "", 0
    for start, end in pairs:
        if start in done:
            done.remove(start)
            kept += text[position:start] + "<new>"
            position = end
    assert repaired.text == kept + text[position:]


@given(TEXTS, st.integers(0, 60))
def test_an_offset_is_where_its_position_is(text: str, offset: int) -> None:
    source = Source("a", text)
    place = min(offset, len(text))
    assert source.offset(source.position(place)) == place


def test_a_position_past_the_end_is_the_end() -> None:
    source = Source("a", "ab\n")
    assert source.offset(Position(line=9, column=1)) == 3
    assert source.offset(Position(line=2, column=9)) == 3


@given(st.integers(1, 40), st.sets(st.integers(0, 39), max_size=4))
def test_the_difference_is_that_of_difflib(length: int, changed: set[int]) -> None:
    lines = [f"line {number}" for number in range(length)]
    new = [f"new {number}" if number in changed else line for number, line in enumerate(lines)]
    before, after = (Source("f", "".join(f"{line}\n" for line in each)) for each in (lines, new))
    assert list(show_difference(before, after)) == list(difflib.unified_diff(lines, new, "f", "f", lineterm=""))


@given(st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=40), st.sets(st.integers(0, 39), max_size=4))
def test_the_difference_leads_from_one_text_to_the_other(lines: list[str], changed: set[int]) -> None:
    new = [f"new {number}" if number in changed else line for number, line in enumerate(lines)]
    before, after = (Source("f", "".join(f"{line}\n" for line in each)) for each in (lines, new))
    assert applied(list(show_difference(before, after)), lines) == new


def applied(difference: list[str], lines: list[str]) -> list[str]:
    """Return `lines` with a unified diff applied, whose every line is checked."""
    result, position = list(lines), 0
    for line in difference[2:]:
        if line.startswith("@@"):
            position = int(line.split()[1].removeprefix("-").split(",")[0]) - 1
            written = position
        elif line[0] == "+":
            result[written] = line[1:]
            written += 1
        else:
            assert lines[position] == line[1:]
            position += 1
            written += line[0] == " "
    return result


def test_a_difference_shows_no_secret() -> None:
    text = "sekret: hunter2\nargs: 1\n"
    hidden = Source("f", text).span(8, 15)
    before, after = (Source("f", each, hidden=(hidden,)) for each in (text, text.replace("args", "arms")))
    assert list(show_difference(before, after)) == [
        "--- f",
        "+++ f",
        "@@ -1,2 +1,2 @@",
        " sekret: ****",
        "-args: 1",
        "+arms: 1",
    ]


def test_equal_texts_have_no_difference() -> None:
    assert list(show_difference(Source("f", "a\n"), Source("f", "a\n"))) == []
