import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOP = ("compiler", "runtime", "schemas", "templates")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]


def test_every_folder_is_listed() -> None:
    folders = {file.parent.relative_to(ROOT) for top in TOP for file in (ROOT / top).rglob("*.py")}
    assert set(SETTINGS["packages"]) == {".".join(["mcphub_gitops", *folder.parts]) for folder in folders}


def test_only_the_top_folders_are_mapped() -> None:
    assert SETTINGS["package-dir"] == {f"mcphub_gitops.{top}": top for top in TOP}


def test_every_data_file_is_listed() -> None:
    listed = {
        file
        for package, globs in SETTINGS["package-data"].items()
        for glob in globs
        for file in (ROOT / package.removeprefix("mcphub_gitops.").replace(".", "/")).glob(glob)
    }
    found = {file for top in TOP for file in (ROOT / top).rglob("*") if file.is_file()}
    assert {file for file in found if file.suffix not in {".py", ".pyc"}} == listed


def test_a_wheel_holds_one_top_level_name_and_all_files(tmp_path: Path) -> None:
    # A copy, because setuptools would ship what an earlier build left beside the sources.
    sources_copy = tmp_path / "sources"
    for name in ("pyproject.toml", "README.md"):
        sources_copy.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, sources_copy)
    for top in TOP:
        shutil.copytree(ROOT / top, sources_copy / top, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path), str(sources_copy)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mcphub_gitops"}
    shipped = {name.partition("/")[2] for name in names if name.startswith("mcphub_gitops/")}
    sources = {
        str(file.relative_to(ROOT))
        for top in TOP
        for file in (ROOT / top).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert shipped == sources
