import re
from pathlib import Path

import pytest

from mcphub_gitops.compiler.read.redaction import SCHEMES
from tests.support.hubs import hub_of

PAGE = (Path(__file__).parents[1] / "docs" / "secrets.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_is_a_hub(example: str) -> None:
    assert hub_of(example).servers[0].secrets


def test_each_scheme_is_described() -> None:
    assert [scheme for scheme in SCHEMES if f"| `{scheme}://" not in PAGE] == []
    assert {secret.scheme for example in EXAMPLES for secret in hub_of(example).servers[0].secrets} >= {
        *("env", "file", "dotenv", "exec", "store")
    }


def test_both_forms_of_a_program_are_one() -> None:
    script, short = (str(secret) for secret in hub_of(EXAMPLES[1]).servers[0].secrets if "token.py" in str(secret))
    assert script == short
