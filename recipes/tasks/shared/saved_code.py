"""Copy our modules into the folders of saved models, for users without this package."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

ROOMS = Path(__file__).parents[1]  # recipes/tasks
_IMPORT = re.compile(r"^(\s*)from (recipes\.[\w.]+)\.(\w+) import", flags=re.MULTILINE)


def save_code(module: str, folder: str | Path) -> None:
    """Copy a module, and the modules of ours that it imports, to a folder.

    transformers loads code from a flat folder, so the copies import each other as siblings.

    Args:
        module: Full name of the module, such as ``recipes.tasks.dp.modeling_dependency_parsing``.
        folder: Folder of a saved model.
    """
    names = [module]
    for name in names:  # names are appended in the loop
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        text = Path(spec.origin).read_text(encoding="utf-8")
        found = [f"{match[2]}.{match[3]}" for match in _IMPORT.finditer(text)]
        names += [other for other in dict.fromkeys(found) if other not in names]
        copy = _IMPORT.sub(r"\1from .\3 import", text)
        (Path(folder) / f"{name.rpartition('.')[2]}.py").write_text(copy, encoding="utf-8")


def is_ours(name: str) -> bool:
    """Return whether a module in the folder of a saved model, such as ``modeling_pooling``, is ours."""
    return any(ROOMS.glob(f"*/{name}.py"))
