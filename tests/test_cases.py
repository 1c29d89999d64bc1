from collections.abc import Callable
from pathlib import Path

import pytest

from mcphub_gitops.compiler.codes import CODES
from tests.support.cases import (
    CASES,
    run_accounts,
    run_diagnostics,
    run_plan,
    run_render,
    run_reports,
    run_saved_plan,
)
from tests.support.reviews import run_reviews

TOPICS: dict[str, tuple[Callable[[Path], str], str]] = {
    "diagnostics": (run_diagnostics, "diagnostics.txt"),
    "accounts": (run_accounts, "accounts.txt"),
    "plan": (run_plan, "plan.txt"),
    "reports": (run_reports, "reports.txt"),
    "reviews": (run_reviews, "review.txt"),
    "render": (run_render, "compose.yaml"),
}
FOUND = sorted(folder for folder in CASES.glob("*/*") if folder.is_dir())


@pytest.mark.parametrize("case", FOUND, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_case(case: Path, *, update: bool) -> None:
    run, name = TOPICS[case.parent.name]
    text = run(case)
    if update:
        (case / name).write_text(text, "utf-8")
    assert text == (case / name).read_text("utf-8")


@pytest.mark.parametrize("case", sorted(CASES.glob("plan/*/plan.json")), ids=lambda file: file.parent.name)
def test_a_plan_as_a_document(case: Path, *, update: bool) -> None:
    text = run_saved_plan(case.parent)
    if update:
        case.write_text(text, "utf-8")
    assert text == case.read_text("utf-8")


def test_every_topic_has_cases() -> None:
    assert {case.parent.name for case in FOUND} == TOPICS.keys()


def test_every_code_has_a_case() -> None:
    shown = "".join(path.read_text("utf-8") for path in CASES.glob("diagnostics/*/diagnostics.txt"))
    assert [name for name in CODES if f"[{name}]" not in shown] == []
