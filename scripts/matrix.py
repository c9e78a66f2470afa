"""Run real libraries against the fake provider and print how right we are, call by call.

    python scripts/matrix.py [LIBRARY ...] [--fresh] [--no-content] [--write FILE] [--readme FILE] [--json FILE]
        [--keep]

Environments are made with uv under ``.matrix/`` and kept for the next run; ``--fresh`` makes them anew with the
newest versions. Exit code 1 when a library that runs is not right.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from matrix.catalog import LIBRARIES
from matrix.environments import CACHE
from matrix.report import document, in_readme, table
from matrix.running import run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*", metavar="LIBRARY", help="all of the catalog when left out")
    parser.add_argument("--fresh", action="store_true", help="make the environments anew")
    parser.add_argument(
        "--no-content", action="store_true", help="with SPANLOFT_CAPTURE_CONTENT=false: is any text kept?"
    )
    parser.add_argument("--write", type=Path, help="write the report here, as Markdown")
    parser.add_argument("--readme", type=Path, help="put the table into this README, between its marks")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--keep", action="store_true", help="keep the store and the ledgers in .matrix/run")
    options = parser.parse_args()
    unknown = set(options.libraries) - {library.name for library in LIBRARIES}
    if unknown:
        parser.error(f"not in the catalog: {', '.join(sorted(unknown))}")
    chosen = [library for library in LIBRARIES if not options.libraries or library.name in options.libraries]
    folder = CACHE / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    results = run(
        chosen,
        folder,
        fresh=options.fresh,
        content=not options.no_content,
        tell=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(table(results))
    for result in results:
        for text in [result.problem, *result.outcome.findings] if result.problem else result.outcome.findings:
            print(f"  {result.library.name}: {text}")
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(document(results), encoding="utf-8")
    if options.readme:
        options.readme.write_text(in_readme(options.readme.read_text(encoding="utf-8"), results), encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1, default=str))
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
