"""The same on GitLab: the pipeline that `mcphub init --ci gitlab` writes, its scripts run with real git."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.forge import TOKEN, Change, gitlab, running_forge
from tests.support.hosted import Hosted, edit, host, lock
from tests.support.jobs import Ran, read_document, run_pipeline_job
from tests.support.projects import mcphub
from tests.support.repositories import git

BEFORE, PUSHED, AFTER = (f"2026-11-02T{hour}:00:00.000Z" for hour in ("09", "10", "11"))


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    """A hub at GitLab that is applied on its host."""
    with running_forge(gitlab) as forge:
        made = host(forge, tmp_path.resolve(), "gitlab")
        ran = run(made, "mcphub-apply", made.main, {"MCPHUB_EXPECT": digest(made, "main")})
        assert ran.code == 0, ran.log
        yield made


def digest(hosted: Hosted, revision: str) -> str:
    return mcphub(hosted.work, "ci", "digest", revision).stdout.strip()


def run(hosted: Hosted, job: str, commit: str, variables: Mapping[str, str] | None = None) -> Ran:
    """Run a job as the pipeline of the default branch has it."""
    git(hosted.work, "checkout", "--quiet", "main")
    files = [hosted.work / ".gitlab" / name for name in ("mcphub.yml", "mcphub-relock.yml")]
    document = {name: job for file in files for name, job in read_document(file).items()}
    own = {"MCPHUB_GITLAB_TOKEN": TOKEN, "CI_PROJECT_URL": str(hosted.machines.origin).removesuffix(".git")}
    return run_pipeline_job(hosted.machines, document, job, commit, {**own, **(variables or {})})


def propose(hosted: Hosted) -> Change:
    """Open a merge request that changes what a tool says of itself."""

    def describe(work: Path) -> None:
        edit(work / "notes" / "server.py", "Return the text of one note.", "Return one note, as it was kept.")
        lock(work)

    change = hosted.propose("describe", describe)
    change.versions = [(change.head, PUSHED)]
    return change


def review(hosted: Hosted, change: Change, **more: str) -> Ran:
    base = git(hosted.work, "merge-base", "main", change.head)
    variables = {
        "CI_MERGE_REQUEST_IID": str(change.number),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        "CI_MERGE_REQUEST_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
    }
    return run(hosted, "mcphub-review", change.head, {**variables, **more})


def test_what_was_approved_and_merged_is_applied(hosted: Hosted) -> None:
    change = propose(hosted)
    for _ in range(2):
        ran = review(hosted, change)
        assert ran.code == 0, ran.log
    (note,) = change.comments
    assert digest(hosted, change.head) in note["body"]
    assert (hosted.machines.folder / "artifacts" / "mcphub-review.md").read_text("utf-8") == note["body"]
    change.reviews.append(("ada", AFTER, ""))
    hosted.merge(change, "describe")
    applied = run(hosted, "mcphub-apply", hosted.main)
    assert applied.code == 0, applied.log
    assert "Number 7 was approved by ada." in applied.log
    drift = run(hosted, "mcphub-drift", hosted.main)
    assert drift.code == 0, drift.log
    assert "No drift. The world is what was applied." in drift.log.splitlines()
    assert TOKEN not in applied.log + drift.log


def test_a_push_after_the_approval_voids_it(hosted: Hosted) -> None:
    change = propose(hosted)
    change.reviews.append(("ada", BEFORE, ""))
    hosted.merge(change, "describe")
    ran = run(hosted, "mcphub-apply", hosted.main)
    assert ran.code == 5, ran.log
    assert "ada approved an older commit; a push voids an approval." in ran.log
    assert mcphub(hosted.machines.host, "plan", "--detailed-exitcode").returncode == 2
    assert run(hosted, "mcphub-drift", hosted.main).code == 2


def test_with_merged_results_the_branch_is_what_is_reviewed(hosted: Hosted) -> None:
    change = propose(hosted)
    ran = review(hosted, change, CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=change.head, CI_COMMIT_SHA="f" * 40)
    assert ran.code == 0, ran.log
    assert change.head in change.comments[0]["body"]


def test_a_fork_has_no_token_and_keeps_its_review_as_an_artifact(hosted: Hosted) -> None:
    change = propose(hosted)
    ran = review(hosted, change, MCPHUB_GITLAB_TOKEN="", CI_MERGE_REQUEST_SOURCE_PROJECT_ID="43")
    assert ran.code == 0, ran.log
    assert "No comment: the merge request comes from a fork, whose jobs have no token." in ran.log
    assert change.comments == []
    assert (hosted.machines.folder / "artifacts" / "mcphub-review.md").stat().st_size > 100


def test_a_hub_is_checked_with_a_report_of_its_quality(hosted: Hosted) -> None:
    ran = run(hosted, "mcphub-check", hosted.main)
    assert ran.code == 0, ran.log
    wrong = hosted.propose("wrong", lambda work: edit(work / "mcp-hub.yaml", "command:", "comand:"))
    ran = run(hosted, "mcphub-check", wrong.head)
    assert ran.code == 1
    (report,) = hosted.machines.folder.glob(f"machine-{hosted.machines.count}/gl-code-quality-report.json")
    assert '"check_name": "MH201"' in report.read_text("utf-8")


def test_a_proposal_of_renovate_gets_its_lock_pushed(hosted: Hosted) -> None:
    branch = "renovate/notes-1.x"
    change = hosted.propose(branch, lambda work: edit(work / "notes" / "server.py", "List notes", "List all notes"))
    assert run(hosted, "mcphub-relock", change.head).code == 0
    patch = (hosted.machines.folder / "artifacts" / "mcphub-lock.patch").read_text("utf-8")
    git(hosted.work, "checkout", "--quiet", "--detach", change.head)
    assert "mcp-hub.lock" in patch
    ran = push(hosted, change, branch)
    assert ran.code == 0, ran.log
    git(hosted.work, "fetch", "--quiet", "origin", branch)
    git(hosted.work, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    assert mcphub(hosted.work, "lock", "--check").returncode == 0
    assert git(hosted.work, "log", "-1", "--format=%ae") == "mcphub-relock@noreply.invalid"


def push(hosted: Hosted, change: Change, branch: str) -> Ran:
    variables = {"MCPHUB_PUSH_TOKEN": "push-token", "CI_COMMIT_BRANCH": branch}
    return run(hosted, "mcphub-push", change.head, variables)
