"""Where a project's bundles of policies come from: loaded when a hub names one."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mcphub_gitops.compiler.resolve.image import ImageReference, parse
from mcphub_gitops.compiler.resolve.model import PolicyBundle
from mcphub_gitops.runtime.adapters.bundles import MAX_BYTES, BundleShelf
from mcphub_gitops.runtime.cli import lazy

Found = dict[str, Mapping[str, bytes]]
"""The files of each bundle, by its text."""


def find(folder: Path, bundles: Iterable[PolicyBundle]) -> Found:
    """Return those of `bundles` that are kept in `folder`; asks nobody, and raises RuntimeFailure."""
    shelf = BundleShelf(folder=folder)
    kept = {str(bundle): shelf.find(bundle) for bundle in bundles}
    return {name: files for name, files in kept.items() if files is not None}


def find_or_fetch(folder: Path, bundles: Iterable[PolicyBundle]) -> Found:
    """Return all `bundles`; raises RuntimeFailure when one is neither kept nor to be had."""
    shelf = BundleShelf(folder=folder)
    return {str(bundle): shelf.fetch(bundle, _fetch) for bundle in bundles}


def _fetch(bundle: PolicyBundle) -> Mapping[str, bytes]:
    whose = f"the policy bundle {bundle}"
    if bundle.kind == "git":
        data, _ = lazy.load("repositories").read(bundle.location, bundle.path, bundle.commit, whose, MAX_BYTES)
        return {str(bundle): data}
    reference = parse(bundle.location)
    if not isinstance(reference, ImageReference):
        return {}
    files: Mapping[str, bytes] = lazy.load("registries").make_registries().fetch_files(reference)
    return {f"{bundle}#{title}": data for title, data in files.items()}
