"""Codes of policies and of what they say."""

from mcphub_gitops.compiler.codes.code import Code, Severity

POLICY_FILE = Code(
    name="MH501",
    summary="there is no such policy",
    explanation="A path under `policies:` that names no file would leave the hub without the rules it asks for.",
)
CONDITION = Code(
    name="MH502",
    summary="the condition is not understood",
    explanation="Conditions are CEL over the facts of one kind, and are checked against the facts' types.",
)
UNBOUNDED = Code(
    name="MH503",
    summary="the condition may cost too much",
    explanation=(
        "What a condition costs must not grow without bound: it makes no new text, lists or maps, and its regular "
        "expressions stand in it as they are."
    ),
)
POLICY_NAME = Code(
    name="MH504",
    summary="the policies use a name wrongly",
    explanation="A rule's name is given once among all policies of a hub; what names a rule names one that is there.",
)
UNDECIDED = Code(
    name="MH505",
    summary="a rule cannot be decided",
    explanation="A condition that fails on a thing it looks at decides nothing, and what is not decided is refused.",
)
DENIED = Code(
    name="MH506",
    summary="a policy denies this",
    explanation="A rule of level `deny` is broken. No waiver lifts it: mend the hub, or change the rule.",
)
UNAPPROVED = Code(
    name="MH507",
    summary="a policy denies this unless it is approved",
    explanation=(
        "A rule of level `deny-unless-approved` is broken, and no waiver that holds on the day of the check names both "
        "rule and subject."
    ),
)
DISCOURAGED = Code(
    name="MH508",
    summary="a policy warns of this",
    explanation="A rule of level `warn` is broken. Nothing is refused.",
    severity=Severity.WARNING,
)
WAIVED = Code(
    name="MH509",
    summary="a waiver allows what a policy denies",
    explanation="It is shown with its owner, reason and last day, so that nobody forgets that it is there.",
    severity=Severity.NOTE,
)
WAIVER_EXPIRED = Code(
    name="MH510",
    summary="the waiver has expired",
    explanation="It allows nothing any more. The day of the check is today, or the one of `--as-of`.",
    severity=Severity.WARNING,
)
WAIVER_UNUSED = Code(
    name="MH511",
    summary="the waiver is not needed",
    explanation="Nothing that it names breaks its rule. A waiver that stays behind allows what nobody looks at.",
    severity=Severity.WARNING,
)
BUNDLE = Code(
    name="MH512",
    summary="the policy bundle cannot be at that place",
    explanation="A bundle is a file of a git repository at a commit, or an artifact of a registry by its digest.",
)
NO_BUNDLE = Code(
    name="MH513",
    summary="the policy bundle was not fetched yet",
    explanation=(
        "Bundles are fetched by `mcphub lock`, and where they are not there yet by `plan`, `apply` and `up`; "
        "`.mcphub/bundles` keeps them. Everything else reads what is kept, offline."
    ),
)
