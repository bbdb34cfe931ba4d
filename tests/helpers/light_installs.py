"""Installations without some packages: folders of links to the other installed packages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def requirements() -> dict[str, set[str]]:
    """The names of the packages in each list of pyproject.toml: ``dependencies``, and the extras."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(r"^(\w+) = \[(.*?)\]$", project.split("[tool.")[0], flags=re.MULTILINE | re.DOTALL)
    found = {name: re.findall(r'"([\w.-]+)(?:\[([\w,]+)\])?(?:>=[^"]*)?"', text) for name, text in lists}
    known = {}
    for name, packages in found.items():
        known[name] = {canonical(package) for package, extras in packages if not extras}
        for _, extras in packages:
            known[name] |= {one for extra in extras.split(",") if extra for one in known[extra]}
    return known


def canonical(name: str) -> str:
    """Return the canonical name of a package."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed_by(packages: Iterable[str]) -> set[str]:
    """Return packages and their requirements, without extras."""
    found: set[str] = set()
    waiting = list(packages)
    while waiting:
        package = canonical(waiting.pop())
        if package in found:
            continue
        found.add(package)
        try:
            lines = metadata.requires(package) or []
        except metadata.PackageNotFoundError:  # for another system or version of Python
            continue
        waiting += [re.match(r"[\w.-]+", line)[0] for line in lines if "extra ==" not in line]
    return found


def site_without(packages: Iterable[str], folder: Path) -> Path:
    """Create a site-packages folder with all installed packages except for some."""
    hidden = {canonical(package) for package in packages}
    names = {
        name
        for name, distributions in metadata.packages_distributions().items()
        if {canonical(one) for one in distributions} <= hidden
    }
    folder = folder / "site-packages"  # dill tells libraries from our code by this name
    folder.mkdir(parents=True)
    for site in (Path(path) for path in sys.path if path.endswith("site-packages")):
        for entry in site.iterdir():
            package = canonical(re.sub(r"-[^-]*\.(dist|egg)-info$", "", entry.name))
            if entry.name.split(".")[0] in names or package in hidden or entry.suffix == ".pth":
                continue
            if not (folder / entry.name).exists():
                (folder / entry.name).symlink_to(entry)
    return folder


def run_in(site: Path, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run Python with another site-packages folder."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{site}"}
    return subprocess.run(
        [sys.executable, "-S", *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=280,
    )  # fmt: skip
