"""A repository with a hub at a forge, and the people who change it: branches, reviews and merges, with real git."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tests.support.forge import REPOSITORY, Change, Forge
from tests.support.jobs import Machines, Ran, Workflow, read_document
from tests.support.projects import NOTES, mcphub
from tests.support.repositories import git

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
gateway: {listen: "127.0.0.1:0"}
servers:
  notes:
    command: [python3, notes/server.py]
"""


@dataclass(kw_only=True)
class Hosted:
    """A forge with its machines, and `work`, where people make their changes; `number` is that of the last request."""

    forge: Forge
    machines: Machines
    work: Path
    number: int = 6

    @property
    def main(self) -> str:
        """The commit that the default branch is at."""
        return git(self.machines.origin, "rev-parse", "main")

    def workflow(self, name: str) -> dict[str, Any]:
        """Return a workflow as it is on the default branch."""
        git(self.work, "checkout", "--quiet", "main")
        return read_document(self.work / ".github" / "workflows" / f"mcphub-{name}.yml")

    def propose(self, branch: str, edit: Callable[[Path], None], *, author: str = "eve") -> Change:
        """Change files on a new branch, push it, and open a request to merge it."""
        git(self.work, "checkout", "--quiet", "-B", branch, "main")
        self.number += 1
        change = Change(number=self.number, author=author, head="")
        self.forge.changes[self.number] = change
        self.push(change, branch, edit)
        return change

    def push(self, change: Change, branch: str, edit: Callable[[Path], None]) -> None:
        """Change files on the branch of a request once more, and push it."""
        git(self.work, "checkout", "--quiet", branch)
        edit(self.work)
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--message", branch)
        git(self.work, "push", "--quiet", "origin", branch)
        change.head = git(self.work, "rev-parse", "HEAD")

    def merge(self, change: Change, branch: str) -> str:
        """Merge a request as forges do, and remove its branch; return the commit that this makes."""
        git(self.work, "checkout", "--quiet", "main")
        git(self.work, "merge", "--quiet", "--no-ff", "--message", f"Merge {branch}", branch)
        git(self.work, "push", "--quiet", "origin", "main", f"{change.head}:refs/pull/{change.number}/head")
        git(self.work, "push", "--quiet", "origin", "--delete", branch)
        change.merge = self.main
        return change.merge

    def review(self, change: Change, *, repository: str = REPOSITORY, base: str = "") -> dict[str, Ran]:
        """Run the jobs of a pull request."""
        pull = {
            "number": change.number,
            "head": {"sha": change.head, "repo": {"full_name": repository}},
            "base": {"sha": base or self.main},
        }
        return self.run("review", {"pull_request": pull}, commit=change.head)

    def apply(self, expect: str = "", *, environment: Mapping[str, str] | None = None) -> Ran:
        """Run the job that follows a push to the default branch, or, with `expect`, one that was asked for."""
        document = self.workflow("apply")
        if environment:
            document["jobs"]["apply"]["steps"][-1]["env"] = dict(environment)
        inputs = {"expect": expect} if expect else {}
        return self.start(document, {"repository": {"default_branch": "main"}}, self.main, inputs=inputs)["apply"]

    def run(self, name: str, event: Mapping[str, Any], *, commit: str, ref: str = "main") -> dict[str, Ran]:
        """Run a workflow for an event."""
        return self.start(self.workflow(name), event, commit, ref=ref)

    def start(
        self,
        document: Mapping[str, Any],
        event: Mapping[str, Any],
        commit: str,
        *,
        ref: str = "main",
        inputs: Mapping[str, str] | None = None,
    ) -> dict[str, Ran]:
        """Run the jobs of a workflow for an event on `commit` of the branch `ref`."""
        return Workflow(
            machines=self.machines, document=document, event=event, commit=commit, ref=ref, inputs=inputs or {}
        ).run()


def host(
    forge: Forge,
    folder: Path,
    jobs: str,
    *,
    hub: str = HUB,
    environment: Mapping[str, str] | None = None,
    environments: tuple[str, ...] = (),
) -> Hosted:
    """Begin a repository below `folder` with a locked `hub`, the example of a server and the `jobs` of a forge.

    Its machines, and whoever locks it, have `environment` beside their own. With `environments`, it has those.
    """
    origin, work = folder / "origin.git", folder / "work"
    work.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "remote", "add", "origin", str(origin))
    (work / "notes").mkdir()
    shutil.copy(NOTES, work / "notes")
    (work / "mcp-hub.yaml").write_text(hub, "utf-8")
    (work / ".gitignore").write_text("/.mcphub/\n", "utf-8")
    for name in environments:
        (work / "environments").mkdir(exist_ok=True)
        (work / "environments" / f"{name}.yaml").write_text("{}\n", "utf-8")
    named = [["--env", name] for name in environments]
    for arguments in (*(["lock", *each] for each in named or [[]]), ["init", "--ci", jobs, *chain(*named)]):
        done = mcphub(work, *arguments, env={**os.environ, **(environment or {})})
        assert done.returncode == 0, done.stderr
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", "The hub")
    git(work, "push", "--quiet", "origin", "main")
    forge.writers |= {"ada", "eve"}
    (folder / "machines").mkdir()
    return Hosted(
        forge=forge,
        machines=Machines(forge=forge, origin=origin, folder=folder / "machines", environment=environment or {}),
        work=work,
    )


def lock(work: Path, env: Mapping[str, str] | None = None, environments: tuple[str, ...] = ()) -> None:
    """Lock the hub, or its `environments`, as whoever changes it does, with `env` beside what there is."""
    for named in [["--env", name] for name in environments] or [[]]:
        done = mcphub(work, "lock", *named, env={**os.environ, **(env or {})})
        assert done.returncode == 0, done.stderr


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")
