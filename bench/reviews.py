"""CPU and output of `mcphub plan --against` on a hub of 1,000 servers and 10,000 tools with ten changes.

python -m bench.reviews
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from bench.compiler import MCPHUB, measure, tell, write
from bench.compiler import PUBLISHED as PUBLISHED_CATALOG
from bench.hubs import generate, write_all
from mcphub_gitops.compiler.lock.definitions import write_definitions
from mcphub_gitops.compiler.lock.file import write_lock
from tests.support.hubs import hub_of, lock_of
from tests.support.repositories import commit, git

CATALOG = "catalog.yaml"
SERVERS, TOOLS, CHANGES = 1_000, 10, 10
BUDGET = 1.5
PUBLISHED = tuple(PUBLISHED_CATALOG.with_name(f"catalog-{day}.yaml") for day in ("2025-11-20", "2026-02-10"))


def main() -> None:
    """Print one line a case: the median, and what it must be; then how long the outputs are."""
    with tempfile.TemporaryDirectory(prefix="mcphub-bench-") as name:
        folder = Path(name) / "hub"
        prepare(folder)
        print(f"{'case':44}{'CPU s':>8}{'budget':>8}{'MiB':>7}")  # noqa: T201  (its output)
        tell("review of nothing, 1,000 servers", measure(against("HEAD"), folder), BUDGET)
        tell("review of 10 changes, folder", measure(against("HEAD~1"), folder), BUDGET)
        tell("review of 10 changes, two commits", measure([*against("HEAD~1"), "--head", "HEAD"], folder), BUDGET)
        tell("review of 10 changes, cold", measure(against("HEAD~1"), folder, is_cold=True), None)
        for output in ("human", "markdown", "json"):
            done = subprocess.run(
                [*against("HEAD~1"), "--output", output], cwd=folder, env=os.environ, capture_output=True, check=True
            )
            print(f"{f'characters, {output}':44}{len(done.stdout.decode()):8}")  # noqa: T201
        if all(each.exists() for each in PUBLISHED):
            published(Path(name) / "published")


def published(folder: Path) -> None:
    """Review two published catalogs, each locked whole: 44 servers came, 3 went, and 104 have another image."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for each in PUBLISHED:
        write_all(each.read_bytes(), folder)
        subprocess.run([MCPHUB, "lock", "--offline"], cwd=folder, env=os.environ, capture_output=True, check=True)
        commit(folder, {".gitignore": ".mcphub/\n"})
    tell("review of two published catalogs", measure([*against("HEAD~1"), "--head", "HEAD"], folder), None)


def against(revision: str) -> list[str]:
    """Return the command that compares with `revision`."""
    return [MCPHUB, "plan", "--against", revision]


def prepare(folder: Path) -> None:
    """Write the hub into a repository: a commit as it was, and one with ten servers that got a variable and a tool."""
    hub, catalog = generate(SERVERS, TOOLS, CATALOG)
    tools = {_name(number): tuple(f"{_name(number)}_t{tool}" for tool in range(TOOLS)) for number in range(SERVERS)}
    write(folder, hub, {CATALOG: catalog.encode()}, tools)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {"README.md": "before\n"})
    changed = hub
    for number in range(0, SERVERS, SERVERS // CHANGES):
        declared = f"  {_name(number)}: {json.dumps({'from': f'all/{_name(number)}'})}\n"
        given = {"from": f"all/{_name(number)}", "env": {"LEVEL": "debug"}}
        changed = changed.replace(declared, f"  {_name(number)}: {json.dumps(given)}\n")
        tools[_name(number)] = (*tools[_name(number)], f"{_name(number)}_new")
    made = hub_of(changed, {CATALOG: catalog.encode()})
    lock, definitions = lock_of(made, tools)
    written = {f"mcp-hub.tools/{name}.json": write_definitions(each) for name, each in definitions.items()}
    commit(folder, {"mcp-hub.yaml": changed, "mcp-hub.lock": write_lock(lock), **written})


def _name(number: int) -> str:
    return f"s{number:05}"


if __name__ == "__main__":
    main()
