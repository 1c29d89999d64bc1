"""Files of `NAME=value` lines, read by the library that most programs read them with."""

from collections.abc import Mapping
from io import StringIO

from dotenv.parser import parse_stream


def parse_dotenv(text: str) -> Mapping[str, str | None] | None:
    """Return the values in `text` by name, the last one of a name; None where a line of it is not understood."""
    bindings = list(parse_stream(StringIO(text)))
    if any(binding.error for binding in bindings):
        return None
    return {binding.key: binding.value for binding in bindings if binding.key is not None}
