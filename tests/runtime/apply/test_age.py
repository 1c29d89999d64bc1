from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion, PackageAnswer, PackageQuestion
from mcphub_gitops.runtime.apply.age import Cutoff, aged, moment_of
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.support.hubs import hub_of, lock_of
from tests.support.machine import MemoryPackages, MemoryRegistries, ScriptedProber, site_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  search: {image: "registry.example/search:1"}
  time: {package: "pypi:time"}
"""
NOW, DAY = 1_800_000_000, 86400
REFERENCE = "registry.example/search:1"


@dataclass
class DatedPackages(MemoryPackages):
    """Versions of one package by the moment that they were published at; the last is the newest."""

    versions: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        name, _, wanted = question.requirement.partition("==")
        if question.preferred:
            return PackageAnswer(package=question.preferred[0].partition(" ")[0], requirements=question.preferred)
        before = question.published_before or "9"
        fit = [each for each, made in self.versions.items() if made <= before and wanted in ("", each)]
        return PackageAnswer(package=f"{name}=={fit[-1]}") if fit else PackageAnswer(problem="There is none.")


def cutoff() -> Cutoff:
    return Cutoff(seconds=NOW - 7 * DAY, age="7d")


def site(
    tmp_path: Path, lock: Lock, found: Cutoff, versions: Mapping[str, str], image: ImageAnswer | None = None
) -> Site:
    whole = replace(
        site_of(tmp_path, ScriptedProber({}), packages=DatedPackages(versions=versions)),
        registries=MemoryRegistries({REFERENCE: image} if image else {}),
    )
    return aged(whole, hub_of(HUB), lock, found)


LOCK = lock_of(hub_of(HUB), {"search": ("a",), "time": ("a",)})[0]
NONE = Lock(servers={})


@pytest.mark.parametrize(
    ("versions", "package", "held"),
    [
        ({"1": "2026", "2": "2027-01-01", "3": "2027-02-01"}, "time==2", False),
        # What is locked is younger than the cutoff itself: it stays.
        ({"0": "2026", "1": "2027-01-14"}, "time==1", True),
        ({"1": "2026", "2": "2027-01-14"}, "time==1", False),
    ],
)
def test_a_package_is_the_newest_that_is_old_enough(
    tmp_path: Path, versions: Mapping[str, str], package: str, *, held: bool
) -> None:
    found = cutoff()
    assert found.moment == "2027-01-08T08:00:00Z"
    packages = site(tmp_path, LOCK, found, versions).packages
    assert packages.resolve(PackageQuestion(requirement="time")).package == package
    assert bool(found.held) is held


def test_a_package_of_which_nothing_is_old_enough_says_so(tmp_path: Path) -> None:
    packages = site(tmp_path, NONE, cutoff(), {"1": "2027-01-14"}).packages
    answer = packages.resolve(PackageQuestion(requirement="time"))
    assert answer.problem == "There is none. What is younger than 7d does not count."


def test_what_is_preferred_has_any_age(tmp_path: Path) -> None:
    packages = site(tmp_path, LOCK, cutoff(), {"1": "2027-01-14"}).packages
    assert packages.resolve(PackageQuestion(requirement="time", preferred=("time==1 --hash",))).package == "time==1"


@pytest.mark.parametrize(
    ("created", "digest", "held"),
    [
        (NOW - 8 * DAY, "new", False),
        (NOW - 6 * DAY, "locked", True),
        (None, "locked", True),
    ],
)
def test_a_tag_that_leads_to_a_young_image_leaves_what_is_locked(
    tmp_path: Path, created: int | None, digest: str, *, held: bool
) -> None:
    found = cutoff()
    registries = site(tmp_path, LOCK, found, {}, ImageAnswer(digest="new", created=created)).registries
    answer = registries.resolve(ImageQuestion(reference=REFERENCE))
    locked = MemoryRegistries().resolve(ImageQuestion(reference=LOCK.servers["search"].image))
    assert answer.digest == (locked.digest if digest == "locked" else digest)
    assert [*found.held] == ([REFERENCE] if held else [])
    assert all("builder" in each or "does not say" in each for each in found.held.values())


def test_a_young_image_is_refused_where_none_is_locked(tmp_path: Path) -> None:
    registries = site(tmp_path, NONE, cutoff(), {}, ImageAnswer(digest="new", created=NOW)).registries
    with pytest.raises(RuntimeFailure, match="too young"):
        registries.resolve(ImageQuestion(reference=REFERENCE))


def test_an_image_by_digest_or_as_it_is_locked_has_any_age(tmp_path: Path) -> None:
    digest = LOCK.servers["search"].image.partition("@")[2]
    registries = site(tmp_path, LOCK, cutoff(), {}, ImageAnswer(digest=digest, created=NOW)).registries
    assert registries.resolve(ImageQuestion(reference=REFERENCE)).created == NOW
    assert registries.resolve(ImageQuestion(reference=f"{REFERENCE}@{digest}")).digest


def test_a_moment_that_no_calendar_has_is_told_all_the_same() -> None:
    assert moment_of(0) == "1970-01-01T00:00:00Z"
    assert moment_of(10**15) == "1000000000000000 s after 1970"
