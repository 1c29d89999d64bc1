import json
from pathlib import Path

import pytest

from tests.support.policies import HEAD
from tests.support.projects import mcphub, write_project

HUB = """\
apiVersion: mcphub/v1
name: acme
policies: [policies/*.yaml]
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py]}
"""
RULES = """\
rules:
  - {name: owned, level: deny-unless-approved, match: {kind: server}, deny: "server.owner == ''", message: Name one.}
  - {name: annotated, level: warn, match: {kind: tool}, deny: "!tool.annotated", message: Annotate it.}
"""
WAIVER = "waivers:\n  - {rule: owned, subject: notes, owner: ann, reason: later, expires: 2030-06-15}\n"
TESTS = """\
tests:
  - {name: nobody's, given: [{server: {}}], expect: {owned: denied}}
  - {name: somebody's, given: [{server: {owner: x}, tools: [{}]}], expect: {owned: allowed, annotated: denied}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path, HUB, {"notes": ("add",)})
    write_policy(tmp_path, RULES)
    return tmp_path


def write_policy(project: Path, text: str, name: str = "policies/base.yaml") -> None:
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text(HEAD + text, "utf-8")


@pytest.mark.parametrize(
    "command",
    [["validate"], ["plan", "--offline"], ["plan"], ["apply", "--auto-approve"], ["up", "--detach"], ["render"]],
    ids=" ".join,
)
def test_what_policy_alone_denies_has_its_own_exit_code(project: Path, command: list[str]) -> None:
    done = mcphub(project, *command)
    assert done.returncode == 3, done.stderr
    assert "mcp-hub.yaml:6:3: error[MH507]: a policy denies this unless it is approved" in done.stderr
    assert "policies/base.yaml:3:12: the rule `owned`" in done.stderr
    assert "warning[MH508]" in done.stderr
    assert not (project / ".mcphub" / "current").exists()


def test_a_mistake_beside_a_denial_is_a_mistake(project: Path) -> None:
    (project / "mcp-hub.yaml").write_text(f"{HUB}ownr: x\n")
    assert mcphub(project, "validate").returncode == 1


def test_a_lock_is_made_and_checked_whatever_policies_say(project: Path) -> None:
    assert mcphub(project, "lock", "--check").returncode == 0


@pytest.mark.parametrize(("day", "code"), [("2030-06-15", 0), ("2030-06-16", 3)])
def test_a_waiver_is_held_against_the_day_that_is_given(project: Path, day: str, code: int) -> None:
    write_policy(project, RULES + WAIVER)
    assert mcphub(project, "validate", "--as-of", day).returncode == code
    done = mcphub(project, "plan", "--offline", "--as-of", day)
    assert done.returncode == code
    assert ("note[MH509]" in done.stderr) == (code == 0)


def test_the_day_is_today_unless_it_is_given(project: Path) -> None:
    write_policy(project, RULES + WAIVER.replace("2030", "2020"))
    done = mcphub(project, "validate")
    assert done.returncode == 3
    assert "warning[MH510]: the waiver has expired" in done.stderr


@pytest.mark.parametrize("day", ["tomorrow", "2030-02-30", "2030-6", ""])
def test_what_is_no_day_is_refused(project: Path, day: str) -> None:
    done = mcphub(project, "validate", "--as-of", day)
    assert done.returncode == 1
    assert "is no day" in done.stderr


def test_verdicts_for_programs(project: Path) -> None:
    write_policy(project, RULES + WAIVER)
    done = mcphub(project, "validate", "--output", "json", "--as-of", "2030-01-01")
    document = json.loads(done.stdout)
    found = [(each["rule"], each["subject"], each["outcome"]) for each in document["verdicts"]]
    assert found == [("owned", "notes", "waived"), ("annotated", "notes/add", "warned")]
    assert document["verdicts"][0]["waiver"]["expires"] == "2030-06-15"
    assert document["verdicts"][1]["span"]["file"] == "policies/base.yaml"
    assert "waiver" not in document["verdicts"][1]
    denied = mcphub(project, "plan", "--offline", "--output", "json", "--as-of", "2031-01-01")
    assert denied.returncode == 3
    assert json.loads(denied.stdout)["verdicts"][0]["outcome"] == "denied"


def test_policies_with_mistakes_give_no_verdicts(project: Path) -> None:
    write_policy(project, RULES.replace("server.owner", "server.ownr"))
    done = mcphub(project, "validate", "--output", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdicts"] == []


def test_a_hub_without_policies_has_no_verdicts(project: Path) -> None:
    (project / "mcp-hub.yaml").write_text(HUB.replace("policies: [policies/*.yaml]\n", ""))
    assert "verdicts" not in json.loads(mcphub(project, "validate", "--output", "json").stdout)


def test_a_saved_plan_is_held_against_the_policies_of_its_day(project: Path) -> None:
    write_policy(project, RULES + WAIVER)
    made = mcphub(project, "plan", "--offline", "-o", "plan.json", "--as-of", "2030-01-01")
    assert made.returncode == 0, made.stderr
    assert mcphub(project, "apply", "plan.json", "--as-of", "2030-06-16").returncode == 3


def test_a_saved_plan_of_another_hub_cannot_be_held_against_policies(project: Path) -> None:
    write_policy(project, RULES + WAIVER)
    assert mcphub(project, "plan", "--offline", "-o", "plan.json", "--as-of", "2030-01-01").returncode == 0
    (project / "mcp-hub.yaml").write_text(f"{HUB}gateway: {{listen: '127.0.0.1:8899'}}\n")
    done = mcphub(project, "apply", "plan.json", "--as-of", "2030-01-01")
    assert done.returncode == 5
    assert "the plan is not what the hub comes to" in done.stderr


def test_links_are_no_policies(project: Path) -> None:
    (project / "policies" / "more.yaml").symlink_to(project / "policies" / "base.yaml")
    done = mcphub(project, "validate")
    assert done.returncode == 1
    assert "policies/more.yaml is not used" in done.stderr


def test_the_cases_of_the_hub_are_run(project: Path) -> None:
    write_policy(project, TESTS, "policies/tests/base.yaml")
    done = mcphub(project, "policy", "test")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "ok   policies/tests/base.yaml:3:12: nobody's\n"
        "ok   policies/tests/base.yaml:4:12: somebody's\n"
        "2 cases passed, 0 failed, 0 rules untested\n"
    )


def test_a_case_that_fails_says_why_and_rules_without_cases_are_told(project: Path) -> None:
    write_policy(
        project, TESTS.replace("owned: allowed, annotated: denied", "owned: denied"), "policies/tests/base.yaml"
    )
    done = mcphub(project, "policy", "test", "policies/base.yaml", "policies/tests/base.yaml")
    assert done.returncode == 1
    assert done.stdout == (
        "ok   policies/tests/base.yaml:3:12: nobody's\n"
        "FAIL policies/tests/base.yaml:4:12: somebody's\n"
        "     policies/tests/base.yaml:4:77: owned was expected to be denied, and is allowed: "
        "nothing that is given breaks it\n"
        "untested policies/base.yaml:4:12: no case is denied by annotated\n"
        "1 case passed, 1 failed, 1 rule untested\n"
    )
    document = json.loads(mcphub(project, "policy", "test", "--output", "json").stdout)
    assert [each["passed"] for each in document["cases"]] == [True, False]
    assert document["cases"][1]["misses"][0]["found"] == "allowed"
    assert [each["name"] for each in document["untested"]] == ["annotated"]


def test_a_name_cannot_steer_the_terminal(project: Path) -> None:
    write_policy(project, TESTS.replace("somebody's", '"\\e[2J"'), "policies/tests/base.yaml")
    done = mcphub(project, "policy", "test")
    assert "\x1b" not in done.stdout
    assert "<U+001B>[2J" in done.stdout


def test_no_case_is_no_success(project: Path) -> None:
    done = mcphub(project, "policy", "test")
    assert done.returncode == 1
    assert done.stdout.endswith("0 cases passed, 0 failed, 2 rules untested\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["test", "none.yaml"], "none.yaml cannot be read"),
        (["test", "srv"], "is a directory"),
    ],
)
def test_files_that_are_not_there(project: Path, arguments: list[str], message: str) -> None:
    done = mcphub(project, "policy", *arguments)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_case_that_names_no_rule_is_a_mistake(project: Path) -> None:
    write_policy(project, TESTS.replace("owned", "ownd"), "policies/tests/base.yaml")
    done = mcphub(project, "policy", "test")
    assert done.returncode == 1
    assert "policies/tests/base.yaml:3:54: error[MH504]: the policies use a name wrongly" in done.stderr


def test_rules_are_listed(project: Path) -> None:
    done = mcphub(project, "policy", "list")
    assert done.stdout == (
        "policies/base.yaml:3:12: owned (deny-unless-approved, server): Name one.\n"
        "policies/base.yaml:4:12: annotated (warn, tool): Annotate it.\n"
    )
    document = json.loads(mcphub(project, "policy", "list", "--output", "json").stdout)
    assert [each["name"] for each in document["rules"]] == ["owned", "annotated"]
    write_policy(project, RULES.replace("server.owner", "server.ownr"))
    assert mcphub(project, "policy", "list").returncode == 1


def test_a_hub_that_names_no_policies_has_none_to_list(project: Path) -> None:
    (project / "mcp-hub.yaml").write_text(HUB.replace("policies/*.yaml", "rules/*.yaml"))
    assert "name no file" in mcphub(project, "policy", "list").stderr
    (project / "mcp-hub.yaml").write_text(HUB.replace("policies: [policies/*.yaml]\n", ""))
    assert "names no policies" in mcphub(project, "policy", "test").stderr
