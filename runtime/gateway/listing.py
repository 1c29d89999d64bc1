"""Reading a list of a server's whole, page after page, within bounds.

Source: MCP 2026-07-28, "Pagination"; both eras page alike.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.link import Link
from mcphub_gitops.runtime.gateway.wire import Raw
from mcphub_gitops.runtime.gateway.words import printable

MAX_PAGES: Final = 100
MAX_LIST: Final = 16 * 1024**2


class _Page(msgspec.Struct, rename="camel"):
    next_cursor: str | None = None


class Tools(_Page, kw_only=True, rename={"items": "tools"}):
    """A page of tools."""

    items: list[Raw]


class Prompts(_Page, kw_only=True, rename={"items": "prompts"}):
    """A page of prompts."""

    items: list[Raw]


class Resources(_Page, kw_only=True, rename={"items": "resources"}):
    """A page of resources."""

    items: list[Raw]


class Templates(_Page, kw_only=True, rename={"items": "resourceTemplates"}):
    """A page of resource templates."""

    items: list[Raw]


Page = Tools | Prompts | Resources | Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list that can be asked for: its `method`, what a page is, what is on it in words, and how many are read."""

    method: str
    page: type[Page]
    word: str
    most: int


class RefusedError(Exception):
    """The server answered with an error: its `code`, and the error object in words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


async def read_list(link: Link, listing: Listing, envelope: dict[str, bytes | Raw], *, deadline: float) -> list[Raw]:
    """Return all that the child lists, raw; `envelope` are the members of its parameters beside the cursor.

    Raises Fault when it does not answer until `deadline` (the loop's time), RefusedError when it answers with an error,
    RuntimeFailure when the list does not end or passes a cap.
    """
    loop = asyncio.get_running_loop()
    found: list[Raw] = []
    size = 0
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        params = envelope if cursor is None else {"cursor": wire.token(cursor), **envelope}
        answer = await link.ask(listing.method, wire.join(params), seconds=deadline - loop.time())
        if answer.error is not None:
            raise RefusedError(wire.error_code(answer.error), printable(bytes(answer.error)))
        page = _decode(answer.result, listing.page)
        found += page.items
        size += sum(map(len, page.items))
        cursor = page.next_cursor
        if len(found) > listing.most or size > MAX_LIST:
            told = f"{len(found)} {listing.word}s with {size} bytes"
            raise _endless(listing, f"{told}; at most {listing.most} with {MAX_LIST} are read")
        if cursor is None:
            return found
        if cursor in seen or len(seen) + 1 >= MAX_PAGES:
            told = f"{len(seen) + 1} pages, and a further one is promised"
            raise _endless(listing, f"{told}; at most {MAX_PAGES} are read")
        seen.add(cursor)


def _endless(listing: Listing, detail: str) -> RuntimeFailure:
    return RuntimeFailure(f"the server's {listing.word} list does not end", detail=detail)


def _decode(result: Raw | None, shape: type[Page]) -> Page:
    try:
        return msgspec.json.decode(b"{}" if result is None else result, type=shape)
    except msgspec.MsgspecError as error:
        raise RuntimeFailure("the server's answer has an unexpected shape", detail=printable(str(error))) from None
