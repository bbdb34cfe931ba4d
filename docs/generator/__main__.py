"""Generate documents from their sources: tables, metric cards, --help and CITATION.cff.

python -m docs.generator                         # write outdated documents (make docs)
python -m docs.generator --check                 # list outdated documents, with status 1
python -m docs.generator demo out/demo-seeds    # also store the scores of a demo in demo_results.json
python -m docs.generator presets out/presets     # also store the scores of runs that compare presets
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from docs.generator import demo, preset_runs
from docs.generator.documents import DEMO, PICTURE, PRESET_RUNS, ROOT, stale, write
from klue_datasets.commands import needs


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.generator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say what is stale")
    commands = parser.add_subparsers(dest="command", metavar="demo|presets")
    one = commands.add_parser("demo", help="keep the figures of a demo", description="Keep a demo's figures.")
    one.add_argument("folder", type=Path, help="folder of its runs, such as out/demo-seeds")
    compared = commands.add_parser(
        "presets", help="keep the figures of presets", description="Keep the figures of runs with presets."
    )
    compared.add_argument("folder", type=Path, help="folder of the runs, with a subfolder per preset")
    return parser


@needs()
def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the documents; return 1 if one is outdated or cannot be generated."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "demo":
            demo.keep(arguments.folder, ROOT / DEMO, ROOT / PICTURE)
        if arguments.command == "presets":
            preset_runs.keep(arguments.folder, ROOT / PRESET_RUNS)
        if arguments.check:
            sentences = stale()
            print("\n".join(sentences) or "Everything is as its sources have it.")
            return 1 if sentences else 0
        changed = write()
        print("\n".join(f"Written: {path}" for path in changed) or "Everything was as its sources have it.")
    except (OSError, ValueError) as error:  # errors of the user; any other error is a bug
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
