"""``python -m klue_datasets push``: the exported folder on the Hub, in one commit."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from klue_datasets.export import export
from klue_datasets.tasks import DEFAULT_VERSION

# What an earlier upload may hold and this one does not: deleted in the same commit.
STALE = ["*.parquet", "**/*.parquet"]


def push(
    *,
    repo_id: str,
    private: bool = False,
    dry_run: bool = False,
    tasks: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    mini: bool = False,
    version: str = DEFAULT_VERSION,
    hub_compatible: bool = False,
    cache_dir: str | Path | None = None,
) -> list[str]:
    """Exports to a temporary folder and uploads it.

    Args:
        repo_id: The dataset repository, e.g. ``me/klue``; made where there is none.
        private: A new repository is private; one that exists stays as it is.
        dry_run: Nothing is sent.
        tasks: As for ``export``, and so are all that follow.
        data_dir: See ``export``.
        mini: See ``export``.
        version: See ``export``.
        hub_compatible: See ``export``.
        cache_dir: See ``export``.

    Returns:
        Lines for people: the files and their sizes, then where they are, or would be.

    Raises:
        ValueError: ``repo_id`` is no name of a repository.
        OSError: The Hub cannot be reached or refuses; huggingface_hub says why.
        KlueDataError, KlueDownloadError, FileNotFoundError: As for ``export``.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    validate_repo_id(repo_id)
    with tempfile.TemporaryDirectory(prefix="klue-push-") as temporary:
        folder = Path(temporary) / "klue"
        rows = export(
            folder,
            tasks=tasks,
            data_dir=data_dir,
            mini=mini,
            version=version,
            hub_compatible=hub_compatible,
            cache_dir=cache_dir,
        )
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        lines = [f"{path.relative_to(folder).as_posix()}: {path.stat().st_size:,} bytes" for path in files]
        if dry_run:
            return [*lines, f"Nothing was sent; without --dry_run this becomes one commit to {repo_id}."]
        api = HfApi()
        api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            repo_type="dataset",
            folder_path=folder,
            commit_message=f"KLUE {version}: {', '.join(rows)}",
            delete_patterns=STALE,
        )
    return [*lines, f"Uploaded in one commit: {commit.commit_url}"]
