"""Keeps what an apply was told when nothing was left to do, so that the next one need not find out (`remembered`)."""

from contextlib import suppress

from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.text import render_plan
from mcphub_gitops.runtime.cli.applying import find_plan, prepare_for
from mcphub_gitops.runtime.cli.composition import layout_of
from mcphub_gitops.runtime.cli.remembered import LARGEST, circumstances, encode
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file
from mcphub_gitops.runtime.project import Project
from mcphub_gitops.runtime.witness import Witness


class Memory:
    """What an apply of `project` is told: by its `hub` while it compiles that for a day, by its `machine` after that.

    Made before anything is asked, so that it is known whether the program itself was replaced meanwhile.
    """

    def __init__(self, project: Project, day: str) -> None:
        self._project = project
        self._day = day
        self._about = self._circumstances()
        self.hub = Witness()
        self.machine = Witness()

    def keep(self, plan: Plan) -> None:
        """Keep all that the next apply would ask, and what it would say, if that is that nothing is to do.

        `plan` is carried out, and the writer lock is held. Where there was something to do, the machine is looked at
        again. Nothing is kept where more is looked at than can be asked again: what this machine gives to a process,
        and packages that are installed.
        """
        desired = plan.desired
        if self.hub.doubt or any(each.is_process or each.environment is not None for each in desired.servers):
            return
        # Where it cannot be looked at, or kept, the next apply takes longer, and no more.
        with suppress(RuntimeFailure):
            machine = self.machine
            if not plan.is_empty:
                machine = Witness()
                with machine.listen():
                    plan = find_plan(desired, prepare_for(desired, self._project))
            witness = self.hub.joined(machine)
            if plan.is_empty and not witness.doubt and self._about == self._circumstances():
                self._write(render_plan(plan), witness)

    def _circumstances(self) -> list[str]:
        project = self._project
        return circumstances((str(project.root), project.hub_file, project.environment), self._day)

    def _write(self, text: str, witness: Witness) -> None:
        questions = ((kind, subject, answer) for (kind, subject), answer in witness.answers.items())
        data = encode(self._about, text, witness.engine, questions)
        path = layout_of(self._project).unchanged
        if len(data) <= LARGEST and read_file(path, limit=LARGEST) != data:
            write_file(path, data, mode=0o600)
