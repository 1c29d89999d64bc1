"""Carrying a plan out: loaded when there is something to do."""

import asyncio

from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.runtime.apply.apply import apply_plan
from mcphub_gitops.runtime.apply.question import sweep
from mcphub_gitops.runtime.apply.report import Report
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.ports import Reporter


def execute(plan: Plan, site: Site, reporter: Reporter) -> Report:
    """Carry out `plan`; the caller holds the writer lock."""
    sweep(site)
    return asyncio.run(apply_plan(plan, site, reporter))
