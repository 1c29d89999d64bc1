"""Codes of documents by themselves: what cannot be read, and what has the wrong shape."""

from mcphub_gitops.compiler.codes.code import Code

NOT_UTF8 = Code(
    name="MH101",
    summary="the document is not UTF-8 text",
    explanation=(
        "Documents are UTF-8 without a byte order mark, NUL or other control characters. Lines end with LF, or CR LF."
    ),
)
TOO_LARGE = Code(
    name="MH102",
    summary="the document is too large",
    explanation="A hub may have 4 MiB, a catalog 32 MiB; the size is checked before any parser sees the bytes.",
)
TOO_DEEP = Code(
    name="MH103",
    summary="the document is nested too deeply",
    explanation="Brackets and indentation may nest 64 levels; deeper documents crash YAML parsers.",
)
SYNTAX = Code(
    name="MH104",
    summary="the document is not valid YAML",
    explanation="The YAML parser could not read the document. Nothing after the marked place was looked at.",
)
DUPLICATE_KEY = Code(
    name="MH105",
    summary="a key is given twice",
    explanation="Most YAML parsers silently keep the last value. Remove one of the two.",
)
ALIAS = Code(
    name="MH106",
    summary="directives, anchors, aliases, merge keys and tags are not part of the language",
    explanation="They hide what a reviewer reads and can expand without bound. Repeat the value, or use `vars:`.",
)
KEY_TYPE = Code(
    name="MH107",
    summary="a key is not a plain string",
    explanation="Mapping keys are strings, numbers or booleans written as scalars; a mapping or list cannot be a key.",
)
DOCUMENTS = Code(
    name="MH108",
    summary="the file does not hold exactly one document",
    explanation="One file is one document. An empty file, or a second `---`, is refused.",
)
HIDDEN = Code(
    name="MH109",
    summary="a character cannot be seen",
    explanation=(
        "Zero-width characters, marks of the writing direction, tags and variation selectors make text read otherwise "
        "than it is. A hub has none but those that join emoji; a catalog none in a name, or a value that decides."
    ),
)
TOO_MANY = Code(
    name="MH110",
    summary="the document has too many of a thing",
    explanation="A hub or a catalog may have 10,000 servers, and 100,000 tools in all.",
)
FOREIGN_SCHEMA = Code(
    name="MH111",
    summary="the catalog's schema cannot be checked safely",
    explanation=(
        "Settings are checked in time and memory that are known before. A schema that refers to another one, is far "
        "beyond what settings need, or has a pattern that takes more than linear time to match, is refused."
    ),
)
UNKNOWN_KEY = Code(
    name="MH201",
    summary="the key is unknown",
    explanation="A key that the language does not have is refused, so that a misspelt one is never ignored.",
)
WRONG_TYPE = Code(
    name="MH202",
    summary="the value has the wrong type",
    explanation="YAML 1.2 decides the type of an unquoted value: `no` and `22:22` are strings, `1.0` is a number.",
)
MISSING_KEY = Code(
    name="MH203",
    summary="a required key is missing",
    explanation="The schema of the document names the keys that must be there.",
)
BAD_VALUE = Code(
    name="MH204",
    summary="the value is not allowed here",
    explanation="The value has the right type, but is not one of those, or not of the form, that the schema allows.",
)
CHOICE = Code(
    name="MH205",
    summary="exactly one of several keys is needed",
    explanation=(
        "A server is one thing: an entry of a catalog, a published package, a command, an image, or a remote; an entry "
        "of a catalog is an image, a remote, or tools."
    ),
)
