"""Runs the jobs of a workflow or a pipeline as a forge's runner does: real bash, real git, the real program.

Of GitHub's expressions it understands what these jobs use: names with dots, strings, ``==`` and ``!=``. The steps that
install mcphub are left out, as the program under test is on the path already.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.forge import REPOSITORY, TOKEN, Forge
from tests.support.repositories import git

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
BIN = str(Path(sys.executable).parent)


@dataclass(kw_only=True)
class Ran:
    """What became of a job: its exit code (None where its condition kept it from running), log, summary and outputs."""

    code: int | None = None
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Machines:
    """The machines of a forge: `origin` is the repository, `folder` where the machines keep what they have.

    A machine of its own is fresh for each job; the one with the label mcphub keeps its working tree. All of them have
    what is in `environment`.
    """

    forge: Forge
    origin: Path
    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    count: int = 0

    @property
    def host(self) -> Path:
        """The working tree on the machine where the hub runs."""
        return self.folder / "host"

    def place(self, *, is_host: bool) -> tuple[Path, Path]:
        """Return the working tree of a job, and its folder for temporary files."""
        self.count += 1
        temporary = self.folder / f"temporary-{self.count}"
        temporary.mkdir()
        return (self.host if is_host else self.folder / f"machine-{self.count}"), temporary


def base_environment(home: Path) -> dict[str, str]:
    """Return what every job has: no settings of git but the runner's own, and mcphub on the path."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "LANG"))}
    home.mkdir(exist_ok=True)
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "CI": "true",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def check_out(machines: Machines, tree: Path, commit: str, *, is_whole: bool, clean: tuple[str, ...]) -> None:
    """Bring `tree` to `commit`, as actions/checkout and GitLab's runner do; `clean` are git's options for the rest."""
    tree.mkdir(exist_ok=True)
    if not (tree / ".git").exists():
        git(tree, "init", "--quiet")
        git(tree, "remote", "add", "origin", str(machines.origin))
    depth = () if is_whole else ("--depth=1",)
    refs = ("+refs/heads/*:refs/remotes/origin/*",) if is_whole else ()
    git(tree, "fetch", "--quiet", "--no-tags", *depth, "origin", *refs, commit)
    git(tree, "checkout", "--quiet", "--force", "--detach", commit)
    if clean:
        git(tree, "clean", "--quiet", *clean)


def run_script(script: str, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run `script` as forges do, and return its exit code and all that it said."""
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def read_document(file: Path) -> dict[str, Any]:
    found = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251  (not a hub)
    assert isinstance(found, dict)
    return found


@dataclass(kw_only=True)
class Workflow:
    """One run of a workflow of GitHub Actions, for an event on `commit` of the branch `ref`."""

    machines: Machines
    document: Mapping[str, Any]
    event: Mapping[str, Any]
    commit: str
    ref: str
    actor: str = "eve"
    inputs: Mapping[str, str] = field(default_factory=dict)
    jobs: dict[str, Ran] = field(default_factory=dict)

    def run(self) -> dict[str, Ran]:
        """Run every job whose condition holds, in the order of the file, and return what became of each."""
        for name, job in self.document["jobs"].items():
            self.jobs[name] = self._run_job(job)
        return self.jobs

    def _run_job(self, job: Mapping[str, Any]) -> Ran:
        ran = Ran()
        needed = self.jobs[job["needs"]] if "needs" in job else None
        if (needed is not None and needed.code != 0) or not self._holds(job.get("if", ""), {}):
            return ran
        tree, temporary = self.machines.place(is_host="self-hosted" in job["runs-on"])
        environment = self._environment(tree, temporary)
        ran.code = 0
        steps: dict[str, dict[str, str]] = {}
        for step in job["steps"]:
            if "uses" in step:
                self._check_out(step, tree)
                continue
            if step["name"] == "Install mcphub":
                continue
            output = temporary / "output"
            output.write_text("", "utf-8")
            values = {name: self._filled(value, steps) for name, value in step.get("env", {}).items()}
            folder = tree / step.get("working-directory", self.document["defaults"]["run"]["working-directory"])
            code, said = run_script(step["run"], folder, {**environment, **values})
            ran.log += said
            lines = output.read_text("utf-8").splitlines()
            steps[step.get("id", "")] = dict(line.split("=", 1) for line in lines)
            if code:
                ran.code = code
                break
        ran.summary = (temporary / "summary").read_text("utf-8")
        ran.outputs = {name: self._filled(value, steps) for name, value in job.get("outputs", {}).items()}
        return ran

    def _environment(self, tree: Path, temporary: Path) -> dict[str, str]:
        (temporary / "event.json").write_text(json.dumps(self.event), "utf-8")
        (temporary / "summary").write_text("", "utf-8")
        return {
            **base_environment(temporary / "home"),
            **self.machines.environment,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": self.actor,
            "GITHUB_API_URL": self.machines.forge.url,
            "GITHUB_EVENT_PATH": str(temporary / "event.json"),
            "GITHUB_OUTPUT": str(temporary / "output"),
            "GITHUB_REF_NAME": self.ref,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": self.commit,
            "GITHUB_STEP_SUMMARY": str(temporary / "summary"),
            "GITHUB_WORKSPACE": str(tree),
            "RUNNER_TEMP": str(temporary),
        }

    def _check_out(self, step: Mapping[str, Any], tree: Path) -> None:
        given = step.get("with", {})
        assert given["persist-credentials"] is False
        clean = () if given.get("clean") is False else ("-ffdx",)
        commit = self._filled(given.get("ref", self.commit), {})
        check_out(self.machines, tree, commit, is_whole=given.get("fetch-depth") == 0, clean=clean)

    def _filled(self, text: str, steps: Mapping[str, Mapping[str, str]]) -> str:
        return _EXPRESSION.sub(lambda found: self._value(found[1], steps), str(text))

    def _holds(self, condition: str, steps: Mapping[str, Mapping[str, str]]) -> bool:
        if not condition:
            return True
        left, operator, right = condition.split(" ")
        is_equal = self._value(left, steps) == self._value(right, steps)
        return is_equal if operator == "==" else not is_equal

    def _value(self, expression: str, steps: Mapping[str, Mapping[str, str]]) -> str:
        if expression.startswith("'"):
            return expression.strip("'")
        found: Any = {
            "github": {"event": self.event, "token": TOKEN, "ref_name": self.ref, "repository": REPOSITORY},
            "inputs": self.inputs,
            "needs": {name: {"outputs": ran.outputs} for name, ran in self.jobs.items()},
            "secrets": self.machines.secrets,
            "steps": {name: {"outputs": outputs} for name, outputs in steps.items()},
            "vars": self.machines.variables,
        }
        for name in expression.split("."):
            assert re.fullmatch(r"[A-Za-z_-]+", name), expression
            found = found.get(name, "") if isinstance(found, Mapping) else ""
        return str(found)


def run_pipeline_job(
    machines: Machines, document: Mapping[str, Any], name: str, commit: str, variables: Mapping[str, str]
) -> Ran:
    """Run the job `name` of a pipeline of GitLab CI with its `variables`, whatever its rules say."""
    job = document[name]
    hidden = document[job["extends"]] if "extends" in job else {}
    tree, temporary = machines.place(is_host="tags" in job)
    own = {**hidden.get("variables", {}), **job.get("variables", {})}
    is_whole = own.get("GIT_DEPTH") == "0"
    clean = tuple(own.get("GIT_CLEAN_FLAGS", "-ffdx").split())
    check_out(machines, tree, commit, is_whole=is_whole, clean=clean)
    environment = {
        **base_environment(temporary / "home"),
        "GITLAB_CI": "true",
        "CI_API_V4_URL": machines.forge.url,
        "CI_PROJECT_ID": "42",
        "CI_PROJECT_DIR": str(tree),
        "CI_COMMIT_SHA": commit,
        **variables,
        **own,
    }
    for path in job.get("needs", []) and (machines.folder / "artifacts").iterdir():
        shutil.copy(path, tree)
    begin = [line for line in hidden.get("before_script", []) if line.startswith("cd ")]
    code, log = run_script("\n".join([*begin, *job["script"]]), tree, environment)
    for path in job.get("artifacts", {}).get("paths", []):
        if (tree / path).is_file():
            (machines.folder / "artifacts").mkdir(exist_ok=True)
            shutil.copy(tree / path, machines.folder / "artifacts")
    return Ran(code=code, log=log)
