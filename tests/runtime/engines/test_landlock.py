from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines.landlock import PROGRAMS, SETTINGS, abi_version, rights_of


def test_no_landlock_means_no_rights() -> None:
    assert rights_of(0) is None


@pytest.mark.parametrize(
    ("abi", "handled", "scoped", "size"),
    # Documented per version in landlock(7) and the kernel's userspace-api/landlock.
    [
        (1, 0x1FFF, 0, 8),
        (2, 0x3FFF, 0, 8),
        (3, 0x7FFF, 0, 8),
        (4, 0x7FFF, 0, 16),
        (5, 0xFFFF, 0, 16),
        (6, 0xFFFF, 3, 24),
        (7, 0xFFFF, 3, 24),
        (99, 0xFFFF, 3, 24),
    ],
)
def test_each_version_denies_what_it_knows(abi: int, handled: int, scoped: int, size: int) -> None:
    rights = rights_of(abi)
    assert rights is not None
    assert (rights.handled, rights.scoped, rights.size) == (handled, scoped, size)


@pytest.mark.parametrize("abi", range(1, 8))
def test_no_grant_goes_beyond_what_is_denied_and_none_makes_devices(abi: int) -> None:
    rights = rights_of(abi)
    assert rights is not None
    for on_folder, on_file in (rights.reading(), rights.reading(programs=False), rights.listing(), rights.writing()):
        assert on_folder & ~rights.handled == 0
        assert on_file & ~on_folder == 0
        assert on_folder & (1 << 6 | 1 << 11) == 0


def test_the_kernel_is_asked() -> None:
    assert abi_version() >= 0


def test_no_granted_system_path_is_a_home_or_a_place_for_data() -> None:
    for path in (*PROGRAMS, *SETTINGS):
        assert path.startswith("/")
        assert Path(path).parts[1] not in {"home", "root", "tmp", "srv"}
