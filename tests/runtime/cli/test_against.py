"""`mcphub plan --against` and `mcphub diff`, in real repositories."""

import json
import subprocess
from pathlib import Path

import pytest

from mcphub_gitops.compiler.plan.file import write_plan
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from tests.support.projects import mcphub, write_project
from tests.support.repositories import commit, git

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py]}
  time: {package: "pypi:mcp-server-time@1"}
"""
NOTES = "  notes: {command: [python3, srv/notes.py]}\n"
GIVEN = "  notes: {command: [python3, srv/notes.py], secrets: {KEY: 'env://KEY'}}\n"
TOOLS = {"notes": ("add",), "time": ("now",)}
MORE = {"notes": ("add", "purge"), "time": ("now",)}
POLICY = """\
apiVersion: mcphub/policy/v1
rules:
  - {name: no-secrets, level: deny, match: {kind: server}, deny: "server.secrets.size() > 0", message: No secrets here.}
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with the hub in its first commit, and another one with a secret and a tool in the folder."""
    work = tmp_path / "work"
    write_project(work, HUB, TOOLS)
    git(work, "init", "--quiet", "--initial-branch=main")
    commit(work, {"README.md": "ours\n", ".gitignore": ".mcphub/\n"})
    write_project(work, HUB.replace(NOTES, GIVEN), MORE)
    return work


def test_the_folder_is_compared_with_a_commit(work: Path) -> None:
    done = mcphub(work, "plan", "--against", "main")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("acme: notes gets 1 secret and 1 tool.\n")
    assert "  + secret KEY (env://KEY) -> notes  (mcp-hub.yaml:5:60)\n" in done.stdout
    assert f"from main ({git(work, 'rev-parse', 'HEAD')[:12]}), review digest sha256:" in done.stdout


def test_its_review_digest_is_that_of_a_plan(work: Path) -> None:
    review = json.loads(mcphub(work, "plan", "--against", "main", "--output", "json").stdout)
    plan = json.loads(mcphub(work, "plan", "--offline", "--output", "json").stdout)
    assert (review["review"], review["base"], review["head"]) == (plan["review"], git(work, "rev-parse", "HEAD"), "")
    assert review["changes"] is True


def test_two_commits_are_compared_whatever_the_folder_holds(work: Path) -> None:
    second = commit(work, {"README.md": "other\n"})
    (work / "mcp-hub.yaml").write_text("nonsense", "utf-8")
    done = mcphub(work, "plan", "--against", "HEAD~1", "--head", "main", "--output", "json", "--detailed-exitcode")
    review = json.loads(done.stdout)
    assert (done.returncode, review["head"], review["headline"]) == (2, second, "notes gets 1 secret and 1 tool.")
    same = mcphub(work, "diff", "main", second, "--detailed-exitcode")
    assert same.returncode == 0
    assert same.stdout.startswith("No changes: `main (")
    assert same.stdout.count("\n") == 1


def test_a_comment_begins_with_the_marker_of_its_hub(work: Path) -> None:
    done = mcphub(work, "plan", "--against", "main", "--output", "markdown", "-o", "comment.md")
    assert (done.returncode, done.stdout) == (0, "notes gets 1 secret and 1 tool. Saved: comment.md\n")
    lines = (work / "comment.md").read_text("utf-8").splitlines()
    assert lines[:2] == ["<!-- mcphub:review:acme -->", "### mcphub: notes gets 1 secret and 1 tool."]
    printed = mcphub(work, "plan", "--against", "main", "--output", "markdown")
    assert printed.stdout.splitlines() == lines


def test_a_review_is_not_saved_over_the_hub(work: Path) -> None:
    done = mcphub(work, "plan", "--against", "main", "-o", "mcp-hub.lock")
    assert done.returncode == 1
    assert "the hub's own file" in done.stderr


def test_a_hub_in_a_folder_of_the_repository(tmp_path: Path) -> None:
    hub = tmp_path / "hubs" / "acme"
    write_project(hub, HUB, TOOLS)
    (hub / "mcp-hub.yaml").rename(hub / "ours.yaml")
    (hub / "mcp-hub.lock").rename(hub / "ours.lock")
    (hub / "mcp-hub.tools").rename(hub / "ours.tools")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, {"README.md": "x"})
    (hub / "ours.yaml").write_text(HUB + "gateway: {listen: 127.0.0.1:9000}\n", "utf-8")
    commit(tmp_path, {"README.md": "y"})
    expected = "the gateway gets another address."
    for arguments in (
        ["plan", "--against", "HEAD~1", "-f", "hubs/acme/ours.yaml"],
        ["diff", "HEAD~1", "HEAD", "-f", "hubs/acme/ours.yaml"],
        ["diff", "HEAD~1:hubs/acme/ours.yaml", "HEAD:hubs/acme/ours.yaml"],
    ):
        done = mcphub(tmp_path, *arguments)
        assert done.stdout.startswith(f"acme: {expected}\n"), done.stderr
    inside = mcphub(hub, "diff", "HEAD~1:hubs/acme/ours.yaml", "HEAD:hubs/acme/ours.yaml", "-f", "ours.yaml")
    assert expected in inside.stdout
    locks = mcphub(hub, "diff", "HEAD~1:hubs/acme/ours.lock", "HEAD:hubs/acme/ours.lock")
    assert locks.stdout.startswith("No changes:")


def test_without_a_hub_before_everything_is_new(work: Path) -> None:
    commit(work, {"README.md": "x"})
    git(work, "checkout", "--quiet", "--orphan", "empty")
    git(work, "rm", "-rfq", "--cached", ".")
    git(work, "commit", "--quiet", "--allow-empty", "--message", "empty")
    done = mcphub(work, "plan", "--against", "empty")
    assert "notes is new: it gets 1 secret, network access, 1 grant of files and 2 tools" in done.stdout
    assert "empty: there is no `mcp-hub.yaml`, so that everything is new" in done.stdout


def test_an_environment_is_compared_with_itself(work: Path) -> None:
    write_project(work, HUB, TOOLS)
    commit(work, {"locks/prod.lock": (work / "mcp-hub.lock").read_bytes(), "environments/prod.yaml": "owner: ops\n"})
    (work / "locks/prod.tools").mkdir()
    for file in (work / "mcp-hub.tools").iterdir():
        (work / "locks/prod.tools" / file.name).write_bytes(file.read_bytes())
    first = mcphub(work, "plan", "--against", "HEAD~1", "--env", "prod")
    assert "HEAD~1: there is no `environments/prod.yaml`, so that everything is new" in first.stdout, first.stderr
    commit(work, {"environments/prod.yaml": "gateway: {listen: 127.0.0.1:9000}\n"})
    second = mcphub(work, "plan", "--against", "HEAD", "--env", "prod")
    assert second.stdout.startswith("No changes:")
    third = mcphub(work, "plan", "--against", "HEAD~1", "--env", "prod")
    assert third.stdout.startswith("acme (prod): ")
    comment = mcphub(work, "plan", "--against", "HEAD~1", "--env", "prod", "--output", "markdown").stdout
    assert comment.startswith("<!-- mcphub:review:acme/prod -->\n### mcphub, `prod`: ")


def test_what_cannot_be_read_before_is_named_with_its_commit(work: Path) -> None:
    good = (work / "mcp-hub.yaml").read_bytes()
    broken = commit(work, {"mcp-hub.yaml": "apiVersion: mcphub/v1\nservers: [\n"})
    (work / "mcp-hub.yaml").write_bytes(good)
    done = mcphub(work, "plan", "--against", "HEAD")
    assert done.returncode == 1
    assert f"{broken[:12]}:mcp-hub.yaml:" in done.stderr
    assert "error: HEAD cannot be compared with: it has the mistakes above" in done.stderr
    assert done.stdout == ""


def test_what_is_not_understood_before_counts_as_new_and_is_told(work: Path) -> None:
    lock = json.loads((work / "mcp-hub.lock").read_bytes())
    lock["servers"]["notes"]["launch"] = "sha256:" + "0" * 64
    stale = commit(work, {"mcp-hub.lock": json.dumps(lock)})
    write_project(work, HUB.replace(NOTES, GIVEN), MORE)
    done = mcphub(work, "plan", "--against", "HEAD")
    assert done.returncode == 0
    assert f"{stale[:12]}:mcp-hub.yaml:5:3: error[MH" in done.stderr
    assert "HEAD: it does not compile (1 error, such as `" in done.stdout
    assert "not understood there, and so taken for new where they are on the other side: notes." in done.stdout
    assert done.stdout.startswith("acme: notes is new: it gets")


def test_mistakes_of_the_folder_are_told_as_by_any_plan(work: Path) -> None:
    (work / "mcp-hub.yaml").write_text(HUB.replace("name: acme\n", "name: acme\nnmae: x\n"), "utf-8")
    done = mcphub(work, "plan", "--against", "main")
    assert done.returncode == 1
    assert done.stderr.startswith("mcp-hub.yaml:3:1: error[MH")
    report = mcphub(work, "plan", "--against", "main", "--output", "json")
    assert json.loads(report.stdout)["format"] == "mcphub.diagnostics/v1"


def test_what_policies_deny_is_shown_and_is_an_exit_code(work: Path) -> None:
    text = (work / "mcp-hub.yaml").read_text("utf-8") + "policies: [policies/*.yaml]\n"
    commit(work, {"mcp-hub.yaml": text, "policies/ours.yaml": POLICY})
    done = mcphub(work, "plan", "--against", "HEAD~1")
    assert done.returncode == 3
    assert "now denied: no-secrets of notes: No secrets here.  (policies/ours.yaml:3:12)" in done.stdout
    report = json.loads(mcphub(work, "diff", "HEAD~1", "HEAD", "--output", "json").stdout)
    assert (report["denied"], [each["outcome"] for each in report["policies"]]) == (True, ["denied"])
    still = mcphub(work, "plan", "--against", "HEAD")
    assert still.returncode == 3
    assert still.stdout.startswith("No changes:")


def test_a_catalog_that_is_not_at_hand_is_told_with_the_side(work: Path) -> None:
    text = HUB.replace(
        "servers:\n", "catalogs: {far: {url: 'https://catalog.invalid/c.yaml'}}\nservers:\n  x: {from: far/x}\n"
    )
    first = commit(work, {"mcp-hub.yaml": text})
    write_project(work, HUB.replace(NOTES, GIVEN), MORE)
    done = mcphub(work, "plan", "--against", "HEAD")
    assert done.returncode == 0
    assert f"{first[:12]}:mcp-hub.yaml:" in done.stderr
    assert "HEAD: not understood there, and so taken for new where they are on the other side: " in done.stdout
    assert "x" in done.stdout.split("HEAD: not understood")[1].splitlines()[0]


@pytest.mark.parametrize("revision", ["nothing", "--all", "origin/main"])
def test_an_unknown_revision_is_told(work: Path, revision: str) -> None:
    done = mcphub(work, "plan", f"--against={revision}")
    assert done.returncode == 1
    assert f"there is no commit {revision} in this clone" in done.stderr


def test_outside_of_a_repository_it_is_told(tmp_path: Path) -> None:
    write_project(tmp_path, HUB, TOOLS)
    done = mcphub(tmp_path, "plan", "--against", "main")
    assert done.returncode == 1
    assert "lies in no git repository" in done.stderr


@pytest.mark.parametrize("arguments", [["--output", "markdown"], ["--head", "main"]])
def test_what_only_a_review_has_needs_a_side_to_compare_with(work: Path, arguments: list[str]) -> None:
    done = mcphub(work, "plan", "--offline", *arguments)
    assert done.returncode == 1
    assert "--against REV" in done.stderr


def test_locks_are_compared_with_the_words_beside_them(work: Path) -> None:
    before = work / "before"
    write_project(before, HUB, TOOLS)
    done = mcphub(work, "diff", "before/mcp-hub.lock", "mcp-hub.lock", "--detailed-exitcode")
    assert done.returncode == 2
    assert '"The tool purge."' in done.stdout
    assert "  ~ notes will be updated in place: its pins changed\n" in done.stdout
    committed = mcphub(work, "diff", "HEAD:mcp-hub.lock", "mcp-hub.lock")
    assert "purge" in committed.stdout
    (work / "mcp-hub.tools" / "notes.json").unlink()
    bare = mcphub(work, "diff", "HEAD:mcp-hub.lock", "mcp-hub.lock")
    assert "What changed in tools whose readable definitions are not at hand: notes." in bare.stdout


def test_plans_are_compared(work: Path) -> None:
    for name, text, tools in (("a.json", HUB, TOOLS), ("b.json", HUB.replace(NOTES, GIVEN), MORE)):
        desired = write_project(work, text, tools).compile(locked=True).desired
        assert desired is not None
        (work / name).write_bytes(write_plan(reconcile(desired, Observed(), Options())))
    done = mcphub(work, "diff", "a.json", "b.json")
    assert done.stdout.startswith("acme: notes gets 1 secret and 1 tool.\n")
    (work / "b.json").write_bytes((work / "b.json").read_bytes().replace(b"purge", b"purgE"))
    edited = mcphub(work, "diff", "a.json", "b.json")
    assert edited.returncode == 1
    assert "b.json cannot be used" in edited.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mcp-hub.lock", "main"], "mcp-hub.lock is a lock, main is a commit"),
        (["mcp-hub.yaml", "mcp-hub.lock"], "a hub is compared as commits have it"),
        (["README.md", "mcp-hub.lock"], "README.md is neither a saved plan nor a lock"),
        (["main:missing.lock", "mcp-hub.lock"], "there is no file missing.lock at main"),
        (["main:", "mcp-hub.lock"], "there is no file"),
        (["nothing.json", "mcp-hub.lock"], "there is no commit nothing.json"),
        (["conflict.lock", "mcp-hub.lock"], "conflict"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_other_arguments_are_told(work: Path, arguments: list[str], told: str) -> None:
    (work / "conflict.lock").write_text("<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n", "utf-8")
    done = mcphub(work, "diff", *arguments)
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stdout == ""


def test_without_a_repository_a_missing_file_is_told(tmp_path: Path) -> None:
    done = mcphub(tmp_path, "diff", "a.json", "b.json")
    assert done.returncode == 1
    assert "there is no file a.json, and no repository with such a commit" in done.stderr


def test_a_format_of_reports_tells_what_is_worth_a_look_and_the_review_beside_it(work: Path) -> None:
    done = mcphub(work, "plan", "--against", "main", "--output", "sarif")
    assert json.loads(done.stdout)["version"] == "2.1.0"
    assert done.stderr.startswith("acme: notes gets 1 secret and 1 tool.\n")


def test_nothing_is_written_and_nothing_checked_out(work: Path) -> None:
    before = _state(work)
    mcphub(work, "plan", "--against", "main")
    assert _state(work) == before


def _state(work: Path) -> str:
    command = [
        "find",
        ".",
        "-type",
        "f",
        "-not",
        "-path",
        "*/__pycache__/*",
        "-newermt",
        "2000-01-01",
        "-printf",
        "%p %T@\n",
    ]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True)
    return "".join(sorted(done.stdout.splitlines(keepends=True)))
