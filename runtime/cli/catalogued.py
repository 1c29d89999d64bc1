"""What a catalog's entry needs, told with the options of `mcphub server add` that give it."""

from collections.abc import Collection, Iterator

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.resolve.catalog import CatalogServer
from mcphub_gitops.compiler.resolve.needs import Need, needs_of
from mcphub_gitops.compiler.resolve.provenance import declared_sources, search_order
from mcphub_gitops.compiler.resolve.token import with_token
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.compiler.sourcing import why_not_read
from mcphub_gitops.runtime.cli.sourcing import opener
from mcphub_gitops.runtime.project import Project

_MOST = 20
"""How many of the settings that may be left out are told."""


def tell_needs(project: Project, source: str, secrets: Collection[str], settings: Collection[str]) -> Iterator[str]:
    """Yield lines that say what the entry `source` (CATALOG/SERVER) needs and takes beside what is given.

    Yields nothing where there is no such entry: validation says so.
    """
    server = _find(project, source)
    if server is None:
        return
    needs = needs_of(with_token(server))
    missing, choices = needs.missing(secrets, settings), needs.open_choices(settings)
    if missing or choices:
        yield f"{source} needs:"
        yield from _rows(missing)
    if choices:
        listed = " or ".join(" with ".join(f"--config {name}=VALUE" for name in choice) for choice in choices)
        yield f"  one of: {printable(listed)}"
    optional = needs.optional(secrets, settings)
    if optional:
        yield f"{source} also takes:"
        yield from _rows(optional[:_MOST])
    if len(optional) > _MOST:
        yield f"  and {len(optional) - _MOST} more, which stand in the catalog"


def _find(project: Project, source: str) -> CatalogServer | None:
    document = project.open()
    if document.root is None:
        return None
    declared = declared_sources(document.root)
    name, slash, entry = source.partition("/")
    searched = [name] if slash else search_order(document.root) or tuple(declared)
    read, open_ = project.catalog_reader(), opener(project.root)
    for each in searched:
        place = declared.get(each)
        data = read(each, place).data if place is not None and not why_not_read(place) else None
        catalog = open_(str(place), data, digest(data))[0] if data is not None else None
        found = catalog.get(entry if slash else source) if catalog is not None else None
        if found is not None:
            return found
    return None


def _rows(needs: tuple[Need, ...]) -> list[str]:
    options = [_option(need) for need in needs]
    width = max(map(len, options), default=0)
    return [printable(f"  {option.ljust(width)}  {need.detail}") for option, need in zip(options, needs, strict=True)]


def _option(need: Need) -> str:
    if need.kind == "secret":
        return f"--secret {need.name}=env://{need.variable or 'NAME'}"
    return f"--config {need.name}=VALUE"
