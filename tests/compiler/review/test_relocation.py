from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix, Note
from mcphub_gitops.compiler.review.relocation import relocate
from mcphub_gitops.compiler.source import Source


def test_each_place_is_in_the_other_version_and_nothing_is_to_be_mended_there() -> None:
    source = Source("mcp-hub.yaml", "name: acme\n")
    span = source.span(0, 4)
    told = Diagnostic(
        code=codes.BAD_VALUE,
        detail="It is wrong.",
        span=span,
        notes=(Note(message="here", span=source.span(6, 10)),),
        fix=Fix(title="mend it", replacements=()),
    )
    (moved,), (text,) = relocate([told], [source], "1a2b3c")
    assert (str(moved.span), [str(note.span) for note in moved.notes]) == (
        "1a2b3c:mcp-hub.yaml:1:1",
        ["1a2b3c:mcp-hub.yaml:1:7"],
    )
    assert (moved.detail, moved.fix) == ("It is wrong.", None)
    assert (text.name, text.text) == ("1a2b3c:mcp-hub.yaml", source.text)
