"""A hub that takes every server of a catalog, written in the manners of several people."""

from collections.abc import Iterator

from mcphub_gitops.compiler.read.roundtrip import write_scalar
from mcphub_gitops.compiler.resolve.catalog import CatalogServer, read_catalog

HEAD = "# All of it.\napiVersion: mcphub/v1\nname: all\ncatalogs: {docker: {path: catalog.yaml}}\n\nservers:\n"


def catalog_hub(data: bytes) -> str:
    """Return the hub's text."""
    catalog, _, problems = read_catalog("catalog.yaml", data)
    assert catalog is not None, problems
    servers = (catalog.get(name) for name in catalog.names)
    manners = (_on_one_line, _with_comments, _with_blank_lines, _plain)
    parts = (manners[number % len(manners)](server) for number, server in enumerate(servers) if server is not None)
    return HEAD + "".join(line + "\n" for part in parts for line in part) + "\ngateway: {listen: 127.0.0.1:8811}\n"


def _secrets(server: CatalogServer) -> dict[str, str]:
    return {secret.name: f"env://{secret.variable or 'SECRET'}" for secret in server.secrets}


def _on_one_line(server: CatalogServer) -> Iterator[str]:
    secrets = ", ".join(f'{write_scalar(name, flow=True)}: "{ref}"' for name, ref in _secrets(server).items())
    yield f"  {server.name}: {{from: docker/{server.name}, run: container, secrets: {{{secrets}}}}}   # one line"


def _with_comments(server: CatalogServer) -> Iterator[str]:
    yield f"  # {server.title or 'no title'}"
    yield f"  {server.name}:"
    yield f"    from: 'docker/{server.name}'  # from the catalog"
    yield "    tools:"
    yield "      deny:"
    yield "      - delete_*   # never"
    yield "      # and no more"


def _with_blank_lines(server: CatalogServer) -> Iterator[str]:
    yield ""
    yield f"  {server.name}:"
    yield f'    from: "docker/{server.name}"'
    if server.secrets:
        yield "    secrets:"
        yield from (f"        {write_scalar(name)}: {ref}" for name, ref in _secrets(server).items())
    yield "    config: {"
    yield "      owner: acme, # us"
    yield "      text: 'x  y'"
    yield "    }"
    yield ""


def _plain(server: CatalogServer) -> Iterator[str]:
    yield f"  {server.name}:"
    yield f"    from: docker/{server.name}"
    yield "    env:"
    yield "      TEXT: |"
    yield "        first"
    yield ""
    yield "        last"
    yield "    tools: {allow: [get_*, list_*]}"
