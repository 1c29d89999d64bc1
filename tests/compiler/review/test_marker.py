from mcphub_gitops.compiler.review.marker import marker_of, render_void, title_of


def test_each_environment_has_a_comment_of_its_own() -> None:
    assert marker_of("acme") == "<!-- mcphub:review:acme -->"
    assert marker_of("acme", "prod") == "<!-- mcphub:review:acme/prod -->"
    assert (title_of(""), title_of("prod")) == ("### mcphub:", "### mcphub, `prod`:")


def test_a_comment_that_is_void_begins_like_the_review_that_it_replaces_and_names_the_commit() -> None:
    text = render_void("acme", "prod", "1" * 40)
    assert text.startswith(f"{marker_of('acme', 'prod')}\n{title_of('prod')} the hub has mistakes\n")
    assert f"`{'1' * 12}`" in text
