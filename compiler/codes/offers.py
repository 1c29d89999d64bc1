"""Codes of what servers offer beside their tools: prompts, resources and resource templates."""

from mcphub_gitops.compiler.codes.code import Code, Severity

OFFER_COLLISION = Code(
    name="MH360",
    summary="two servers offer one prompt, or one URI could mean resources of both",
    explanation=(
        "Clients ask for a prompt by its name and for a resource by its URI, so each leads to one server. A URI is "
        "understood by the server that made it, and stands in the results of its tools: no prefix is put before it. "
        "That a URI may fit two templates is decided on the text before their first expression and after their last "
        "one, and that it fits a template on its literal text in order, whatever an expression stands for: so what is "
        "not told cannot clash."
    ),
)
PROMPT_NAME = Code(
    name="MH361",
    summary="some clients cannot show the prompt under its name",
    explanation=(
        "Clients make commands of prompts. All take 1 to 64 letters, digits, `_` and `-`; beyond that it depends on "
        "the client."
    ),
    severity=Severity.WARNING,
)
OFFER_FILTER = Code(
    name="MH362",
    summary="a filter of prompts or URIs matches nothing",
    explanation=(
        "Every entry of `prompts.allow` and `uris.allow` must match what the lock has of the server, and every entry "
        "of `prompts.deny` a prompt that the server lists when it is locked. What `uris.deny` is to keep out may not "
        "be there at the time."
    ),
)
LEFT_OUT = Code(
    name="MH363",
    summary="prompts or resources of the server are not locked",
    explanation=(
        "What cannot be listed within bounds, compared or addressed is not in the lock, so it is not served. At most "
        "1,000 prompts, 1,000 resources and 100 resource templates of a server are locked: a list that is longer, or "
        "that the server refuses, counts as none."
    ),
    severity=Severity.WARNING,
)
