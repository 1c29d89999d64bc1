"""The one comment of a change: how it is found again, and what it says when no review of the change can be made."""

from mcphub_gitops.compiler.review.quoting import code


def marker_of(hub: str, environment: str = "") -> str:
    """Return the first line of the comment on `hub`: each of its environments has a comment of its own."""
    return f"<!-- mcphub:review:{f'{hub}/{environment}' if environment else hub} -->"


def title_of(environment: str) -> str:
    """Return how the comment's headline begins."""
    return f"### mcphub, {code(environment)}:" if environment else "### mcphub:"


def render_void(hub: str, environment: str, commit: str) -> str:
    """Return what replaces a review of an earlier push, where the hub of `commit` has mistakes."""
    return (
        f"{marker_of(hub, environment)}\n{title_of(environment)} the hub has mistakes\n\n"
        f"Nobody can say what {code(commit[:12])} changes; the job of the review says what is wrong with it. What stood"
        " here was of an earlier push and holds no more, and neither does an approval of it.\n"
    )
