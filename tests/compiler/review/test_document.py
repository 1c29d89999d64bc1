import json
from pathlib import Path

import pytest

from mcphub_gitops.compiler.read.shape import fits
from mcphub_gitops.compiler.review.document import render_document
from mcphub_gitops.schemas import load_schema
from tests.support.cases import CASES
from tests.support.reviews import review_of


@pytest.mark.parametrize("case", sorted(CASES.glob("reviews/*")), ids=lambda case: case.name)
def test_a_review_has_the_form_of_its_schema(case: Path) -> None:
    assert fits(json.loads(render_document(review_of(case))), load_schema("review.v1"))
