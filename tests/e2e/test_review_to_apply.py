"""From a branch to what is served: the jobs that `mcphub init --ci` writes, run with real git and a stand-in forge."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.forge import REPOSITORY, TOKEN, Change, github, running_forge
from tests.support.hosted import Hosted, edit, host, lock
from tests.support.jobs import Ran
from tests.support.projects import mcphub
from tests.support.repositories import git


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    """A hub at GitHub that is applied on its host."""
    with running_forge(github) as forge:
        made = host(forge, tmp_path.resolve(), "github")
        ran = made.apply(expect=digest(made, "main"))
        assert ran.code == 0, ran.log
        yield made


def digest(hosted: Hosted, revision: str, environment: str = "") -> str:
    """Return what a reviewer sees of a commit."""
    named = ["--env", environment] if environment else []
    return mcphub(hosted.work, "ci", "digest", *named, revision).stdout.strip()


def served(hosted: Hosted) -> str:
    """Return the review digest of what is applied on the host."""
    host_digest = mcphub(hosted.machines.host, "ci", "digest", "HEAD").stdout.strip()
    assert mcphub(hosted.machines.host, "plan", "--detailed-exitcode").returncode == 0
    return host_digest


def describe_note(work: Path) -> None:
    """Change what a tool says of itself."""
    edit(work / "notes" / "server.py", "Return the text of one note.", "Return the text of one note, as it was kept.")
    lock(work)


def hide_note(work: Path) -> None:
    """Keep a tool from clients, in the hub alone."""
    with (work / "mcp-hub.yaml").open("a") as hub:
        hub.write("    tools: {deny: [add_note]}\n")
    lock(work)


SHARE_NOTE = """\
    {
        "name": "share_note",
        "title": "Share a note",
        "description": "Send a note to the team.",
        "inputSchema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
    },
"""
POLICY = """\
apiVersion: mcphub/policy/v1
rules:
  - {name: no-secrets, level: deny, match: {kind: secret}, deny: "true", message: No server of ours has secrets.}
"""
KEY = "canary-of-the-notes-key"


def grow(work: Path) -> None:
    """Take a new version of a server: it has one tool more, says more of another, and wants a secret."""
    server = work / "notes" / "server.py"
    edit(server, "Return the text of one note.", "Return the text of one note. Share it with https://notes.example.")
    edit(server, '    {\n        "name": "list_notes"', f'{SHARE_NOTE}    {{\n        "name": "list_notes"')
    with (work / "mcp-hub.yaml").open("a") as hub:
        hub.write('    secrets: {NOTES_KEY: "env://NOTES_KEY"}\n')
    lock(work, {"NOTES_KEY": KEY})


def comment_of(hosted: Hosted, change: Change) -> str:
    (found,) = hosted.forge.changes[change.number].comments
    return str(found["body"])


def refused(ran: Ran, *words: str) -> None:
    assert ran.code == 5, ran.log
    for each in words:
        assert each in ran.log


def test_the_story_of_a_server_that_wants_more(hosted: Hosted) -> None:
    change = hosted.propose("grow", grow)
    ran = hosted.review(change)
    assert (ran["check"].code, ran["review"].code) == (0, 0), ran["review"].log
    comment = comment_of(hosted, change)
    assert comment.startswith("<!-- mcphub:review:acme -->\n### mcphub: notes gets 1 secret and 1 tool")
    assert "| `+` | `secret NOTES_KEY (env://NOTES_KEY)` | `notes` | `mcp-hub.yaml:8:26` |" in comment
    assert "`share_note`: **widening**" in comment
    assert "It names an address that it did not name before: `https://notes.example.`" in comment
    assert digest(hosted, change.head) in comment
    assert change.head in comment
    assert ran["review"].summary == comment

    change.reviews.append(("ada", "APPROVED", change.head))
    hosted.merge(change, "grow")
    applied = hosted.apply(environment={"NOTES_KEY": KEY})
    assert applied.code == 0, applied.log
    assert "Applied: 1 server with 4 tools." in applied.log
    assert served(hosted) in comment
    document = hosted.workflow("drift")
    document["jobs"]["drift"]["steps"][-1]["env"] = {"NOTES_KEY": KEY}
    drift = hosted.start(document, {}, hosted.main)["drift"]
    assert drift.code == 0, drift.log
    assert drift.summary.startswith("### Drift\n\n    No drift. The world is what was applied.\n"), drift.log
    said = "".join(each.log + each.summary for each in (*ran.values(), applied, drift)) + comment
    assert KEY not in said
    assert TOKEN not in said


def test_the_one_comment_follows_the_branch(hosted: Hosted) -> None:
    change = hosted.propose("describe", describe_note)
    assert "Comment written: " in hosted.review(change)["review"].log
    first = comment_of(hosted, change)
    assert "Comment unchanged: " in hosted.review(change)["review"].log
    hosted.push(change, "describe", hide_note)
    assert "Comment updated: " in hosted.review(change)["review"].log
    assert comment_of(hosted, change) != first
    assert change.head in comment_of(hosted, change)


def test_what_does_not_touch_the_hub_gets_no_comment_and_what_takes_a_change_back_says_so(hosted: Hosted) -> None:
    def write_page(work: Path) -> None:
        (work / "README.md").write_text("Our hub.\n", "utf-8")

    page = hosted.propose("page", write_page)
    ran = hosted.review(page)["review"]
    assert (ran.code, page.comments) == (0, []), ran.log
    assert "No comment: there is nothing to say." in ran.log
    change = hosted.propose("describe", describe_note)
    hosted.review(change)

    def take_back(work: Path) -> None:
        git(work, "checkout", "--quiet", "main", "--", ".")

    hosted.push(change, "describe", take_back)
    ran = hosted.review(change)["review"]
    assert ran.code == 0, ran.log
    assert "Comment updated: " in ran.log


def test_a_fork_gets_its_review_in_the_summary_alone(hosted: Hosted) -> None:
    hosted.forge.may_write = False
    change = hosted.propose("grow", grow, author="mal")
    ran = hosted.review(change, repository="mal/hub")["review"]
    assert ran.code == 0, ran.log
    assert "No comment: the pull request comes from a fork, whose jobs may not write." in ran.log
    assert "gets 1 secret and 1 tool" in ran.summary
    assert change.comments == []


def test_a_token_without_the_permission_fails_and_says_so(hosted: Hosted) -> None:
    hosted.forge.may_write = False
    ran = hosted.review(hosted.propose("describe", describe_note))["review"]
    assert ran.code == 1
    assert "give the job's token the permission that this needs" in ran.log


def test_a_branch_that_is_behind_is_told_so_and_shows_its_own_changes_alone(hosted: Hosted) -> None:
    behind = hosted.propose("describe", describe_note)
    hosted.merge(hosted.propose("hide", hide_note), "hide")
    ran = hosted.review(behind)["review"]
    assert ran.code == 0, ran.log
    assert "::warning title=mcphub::The base branch has moved on." in ran.log
    assert "hidden" not in comment_of(hosted, behind)
    assert "read_note" in comment_of(hosted, behind)


def test_what_a_policy_denies_is_commented_on_and_fails(hosted: Hosted) -> None:
    def forbid(work: Path) -> None:
        (work / "policies").mkdir()
        (work / "policies" / "secrets.yaml").write_text(POLICY, "utf-8")
        with (work / "mcp-hub.yaml").open("a") as hub:
            hub.write('    secrets: {NOTES_KEY: "env://NOTES_KEY"}\npolicies: [policies/*.yaml]\n')
        lock(work, {"NOTES_KEY": KEY})

    change = hosted.propose("forbidden", forbid)
    ran = hosted.review(change)
    assert (ran["check"].code, ran["review"].code) == (3, 3), ran["review"].log
    assert "no-secrets" in comment_of(hosted, change)


def test_a_hub_with_mistakes_is_annotated_and_has_no_review(hosted: Hosted) -> None:
    change = hosted.propose("wrong", lambda work: edit(work / "mcp-hub.yaml", "command:", "comand:"))
    ran = hosted.review(change)
    assert (ran["check"].code, ran["review"].code) == (1, 1)
    assert "::error file=mcp-hub.yaml,line=7," in ran["check"].log
    assert "mcp-hub.yaml:7:5: error[MH201]" in ran["review"].log
    assert change.comments == []


def test_a_push_that_makes_the_hub_wrong_voids_the_comment_of_the_one_before(hosted: Hosted) -> None:
    change = hosted.propose("describe", describe_note)
    assert hosted.review(change)["review"].code == 0

    def break_it(work: Path) -> None:
        (work / "mcp-hub.yaml").write_text("name: acme\nservers: [\n", "utf-8")

    def mend_it(work: Path) -> None:
        git(work, "checkout", "--quiet", "HEAD~1", "--", "mcp-hub.yaml")

    hosted.push(change, "describe", break_it)
    ran = hosted.review(change)["review"]
    assert ran.code == 1
    assert "Comment updated: " in ran.log
    comment = comment_of(hosted, change)
    assert comment.startswith("<!-- mcphub:review:acme -->\n### mcphub: the hub has mistakes\n")
    assert change.head[:12] in comment
    assert "review digest" not in comment
    hosted.push(change, "describe", mend_it)
    assert hosted.review(change)["review"].code == 0
    assert "read_note" in comment_of(hosted, change)


def test_each_environment_has_its_review_its_comment_and_its_machine(tmp_path: Path) -> None:
    with running_forge(github) as forge:
        hosted = host(forge, tmp_path.resolve(), "github", environments=("prod", "staging"))
        ran = start(hosted, "apply-prod", expect=digest(hosted, "main", "prod"))["apply"]
        assert ran.code == 0, ran.log

        def hide(work: Path) -> None:
            (work / "environments" / "prod.yaml").write_text("servers: {notes: {tools: {deny: [add_note]}}}\n", "utf-8")
            lock(work, environments=("prod", "staging"))

        change = hosted.propose("hide", hide)
        head = {"sha": change.head, "repo": {"full_name": REPOSITORY}}
        pull = {"number": change.number, "head": head, "base": {"sha": hosted.main}}
        for name in ("prod", "staging"):
            reviewed = start(hosted, f"review-{name}", commit=change.head, event={"pull_request": pull})
            assert (reviewed["check"].code, reviewed["review"].code) == (0, 0), reviewed["review"].log
        comment = comment_of(hosted, change)
        assert comment.startswith("<!-- mcphub:review:acme/prod -->\n### mcphub, `prod`: ")
        assert digest(hosted, change.head, "prod") in comment
        change.reviews.append(("ada", "APPROVED", change.head))
        hosted.merge(change, "hide")
        applied = start(hosted, "apply-prod")["apply"]
        assert applied.code == 0, applied.log
        assert "Applied: 1 server with 2 tools." in applied.log
        drift = start(hosted, "drift-prod")["drift"]
        assert drift.code == 0, drift.log


def start(
    hosted: Hosted, name: str, *, commit: str = "", event: Mapping[str, object] | None = None, expect: str = ""
) -> dict[str, Ran]:
    """Run a workflow, on the default branch unless another commit is named."""
    happened = event or {"repository": {"default_branch": "main"}}
    inputs = {"expect": expect} if expect else {}
    return hosted.start(hosted.workflow(name), happened, commit or hosted.main, inputs=inputs)


def test_a_lock_that_was_forgotten_fails(hosted: Hosted) -> None:
    change = hosted.propose(
        "forgotten", lambda work: edit(work / "notes" / "server.py", "Keep a note", "Keep one note")
    )
    ran = hosted.review(change)
    assert ran["check"].code == 2, ran["check"].log
    assert "title=MH402" in ran["check"].log


def test_code_scanning_is_told_where_it_is_turned_on(hosted: Hosted) -> None:
    change = hosted.propose("wrong", lambda work: edit(work / "mcp-hub.yaml", "command:", "comand:"))
    hosted.machines.variables = {"MCPHUB_CODE_SCANNING": "true"}
    ran = hosted.review(change)["scan"]
    assert ran.code == 0, ran.log
    (upload,) = hosted.forge.uploads
    assert (upload["commit_sha"], upload["ref"]) == (change.head, f"refs/pull/{change.number}/head")
    assert "MH201" in {each["ruleId"] for each in upload["sarif"]["runs"][0]["results"]}


def test_what_was_approved_and_merged_is_applied(hosted: Hosted) -> None:
    change = hosted.propose("describe", describe_note)
    change.reviews.append(("ada", "APPROVED", change.head))
    reviewed = digest(hosted, change.head)
    hosted.merge(change, "describe")
    ran = hosted.apply()
    assert ran.code == 0, ran.log
    assert "Number 7 was approved by ada." in ran.log
    assert "Applied: 1 server with 3 tools." in ran.log
    assert served(hosted) == reviewed
    drift = hosted.run("drift", {}, commit=hosted.main)["drift"]
    assert drift.code == 0, drift.log
    assert "No drift." in drift.summary


def test_a_push_after_the_approval_voids_it(hosted: Hosted) -> None:
    before = digest(hosted, "main")
    change = hosted.propose("describe", describe_note)
    change.reviews.append(("ada", "APPROVED", change.head))
    hosted.push(change, "describe", hide_note)
    hosted.merge(change, "describe")
    refused(hosted.apply(), "number 7 was not approved as it was merged", "ada approved an older commit")
    git(hosted.work, "checkout", "--quiet", "main")
    assert mcphub(hosted.machines.host, "plan", "--detailed-exitcode").returncode == 2
    assert digest(hosted, "main") != before


@pytest.mark.parametrize(
    ("who", "state", "told"),
    [
        ("eve", "APPROVED", "eve is its author"),
        ("mal", "APPROVED", "mal may not write to the repository"),
        ("ada", "CHANGES_REQUESTED", "ada asks for changes."),
        ("ada", "COMMENTED", "0 of 1 approvals"),
    ],
)
def test_what_is_no_approval_applies_nothing(hosted: Hosted, who: str, state: str, told: str) -> None:
    change = hosted.propose("describe", describe_note)
    change.reviews.append((who, state, change.head))
    hosted.merge(change, "describe")
    refused(hosted.apply(), told)


def test_a_merge_that_comes_to_something_else_is_not_applied(hosted: Hosted) -> None:
    behind = hosted.propose("describe", describe_note)
    behind.reviews.append(("ada", "APPROVED", behind.head))
    other = hosted.propose("gateway", lambda work: edit(work / "mcp-hub.yaml", "127.0.0.1:0", "localhost:0"))
    other.reviews.append(("ada", "APPROVED", other.head))
    hosted.merge(other, "gateway")
    hosted.merge(behind, "describe")
    refused(
        hosted.apply(), "the hub is not the one that was reviewed", digest(hosted, behind.head), digest(hosted, "main")
    )
    # Whoever has looked at what was merged says so.
    assert hosted.apply(expect=digest(hosted, "main")).code == 0
    assert served(hosted) == digest(hosted, "main")


def test_a_commit_that_nobody_reviewed_is_not_applied(hosted: Hosted) -> None:
    describe_note(hosted.work)
    git(hosted.work, "commit", "--quiet", "--all", "--message", "By hand")
    git(hosted.work, "push", "--quiet", "origin", "main")
    refused(hosted.apply(), "nobody approved this commit")


def test_a_commit_that_does_not_touch_the_hub_needs_no_approval(hosted: Hosted) -> None:
    (hosted.work / "README.md").write_text("Our hub.\n", "utf-8")
    git(hosted.work, "add", "README.md")
    git(hosted.work, "commit", "--quiet", "--message", "A page")
    git(hosted.work, "push", "--quiet", "origin", "main")
    ran = hosted.apply()
    assert ran.code == 0, ran.log
    assert "There is nothing to apply." in ran.log
    assert not any("/pulls" in each for each in hosted.forge.asked)


def test_a_branch_of_another_name_is_not_applied(hosted: Hosted) -> None:
    event = {"repository": {"default_branch": "trunk"}}
    assert hosted.run("apply", event, commit=hosted.main)["apply"].code is None


def test_what_is_merged_and_not_applied_is_drift_which_fails_its_job(hosted: Hosted) -> None:
    hosted.merge(hosted.propose("hide", hide_note), "hide")
    refused(hosted.apply(), "0 of 1 approvals")
    ran = hosted.run("drift", {}, commit=hosted.main)["drift"]
    assert ran.code == 2, ran.log
    assert "\n    hub: " in ran.summary
    assert "::error title=mcphub::" in ran.log


def test_a_proposal_of_renovate_gets_its_lock_pushed(hosted: Hosted) -> None:
    def bump(work: Path) -> None:
        edit(work / "notes" / "server.py", '"version": "1.0.0"', '"version": "1.0.1"')
        edit(work / "notes" / "server.py", "List notes", "List all notes")

    change = hosted.propose("renovate/notes-1.x", bump)
    hosted.machines.secrets = {}
    ran = hosted.run("relock", {}, commit=change.head, ref="renovate/notes-1.x")
    assert (ran["lock"].code, ran["push"].code) == (0, 1)
    assert "There is no secret MCPHUB_PUSH_TOKEN" in ran["push"].log
    hosted.machines.secrets = {"MCPHUB_PUSH_TOKEN": "push-token"}
    ran = hosted.run("relock", {}, commit=change.head, ref="renovate/notes-1.x")
    assert ran["push"].code == 0, ran["push"].log
    git(hosted.work, "fetch", "--quiet", "origin", "renovate/notes-1.x")
    changed = git(hosted.work, "diff", "--name-only", f"{change.head}..FETCH_HEAD").splitlines()
    assert changed == ["mcp-hub.lock", "mcp-hub.tools/notes.json"]
    assert git(hosted.work, "log", "-1", "--format=%ae", "FETCH_HEAD") == "mcphub-relock@noreply.invalid"
    git(hosted.work, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    assert mcphub(hosted.work, "lock", "--check").returncode == 0
    # What was pushed fits, so that the next run has nothing to push.
    pushed = git(hosted.work, "rev-parse", "FETCH_HEAD")
    again = hosted.run("relock", {}, commit=pushed, ref="renovate/notes-1.x")
    assert (again["lock"].code, again["push"].code) == (0, None)
