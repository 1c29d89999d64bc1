"""What policies cost: the commands with and without them, and the ready rules over hubs of several sizes.

.venv/bin/python -m bench.policies
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mcphub_gitops.compiler.policy.check import read_policies
from mcphub_gitops.compiler.policy.judgement import find_breaches
from mcphub_gitops.compiler.policy.model import Given, GivenServer
from mcphub_gitops.compiler.policy.vocabulary import completed

POLICIES = Path(__file__).parents[1] / "examples" / "policies"
MCPHUB = str(Path(sys.executable).with_name("mcphub"))
ROUNDS = 15
SIZES = (20, 200, 1000)
TOOLS = 10


def hub(policies: str) -> str:
    """Return a hub of 20 servers."""
    image = f"docker.io/acme/server:3@sha256:{'a' * 64}"
    servers = "".join(f'  s{number}: {{image: "{image}"}}\n' for number in range(20))
    head = f"apiVersion: mcphub/v1\nname: acme\nowner: platform\n{policies}"
    return f"{head}defaults: {{run: container}}\nservers:\n{servers}"


def cpu_of_validate(folder: Path) -> float:
    """Return the milliseconds of CPU that `mcphub validate` takes in `folder`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([MCPHUB, "validate"], cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def given(servers: int) -> Given:
    """Return a hub of so many servers, which breaks no rule but the budgets."""
    image = {"registry": "ghcr.io", "repository": "acme/server", "digest": "sha256:a"}
    tools = [
        {"name": f"t{each}", "exposed": f"t{each}", "annotated": True, "destructive": False} for each in range(TOOLS)
    ]
    facts = [completed("server", {"name": f"s{each}", "owner": "x", "image": image}) for each in range(servers)]
    completed_tools = tuple(completed("tool", tool) for tool in tools)
    return Given(
        hub=completed("hub", {}), servers=tuple(GivenServer(facts=each, tools=completed_tools) for each in facts)
    )


def main() -> None:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory() as name:
        folders = {"without policies": Path(name) / "a", "with the ready ones": Path(name) / "b"}
        for folder, key in zip(folders.values(), ("", "policies: [policies/*.yaml]\n"), strict=True):
            (folder / "policies").mkdir(parents=True)
            (folder / "mcp-hub.yaml").write_text(hub(key), "utf-8")
            for path in POLICIES.glob("*.yaml"):
                (folder / "policies" / path.name).write_bytes(path.read_bytes())
        found: dict[str, list[float]] = {label: [] for label in folders}
        for _ in range(ROUNDS):
            for label, folder in folders.items():
                found[label].append(cpu_of_validate(folder))
    for label, values in found.items():
        print(f"mcphub validate, 20 servers, {label}: {statistics.median(values):.0f} ms of CPU")  # noqa: T201  (its output)
    policies, _ = read_policies({path.name: path.read_bytes() for path in POLICIES.glob("*.yaml")})
    rules = [rule for policy in policies for rule in policy.rules]
    tags = [tag for policy in policies for tag in policy.tags]
    for size in SIZES:
        what, start = given(size), time.process_time()
        find_breaches(what, rules, tags)
        took = 1000 * (time.process_time() - start)
        print(f"{len(rules)} rules, {size} servers, {size * TOOLS} tools: {took:.0f} ms of CPU")  # noqa: T201


if __name__ == "__main__":
    main()
