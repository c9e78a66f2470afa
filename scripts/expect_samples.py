"""Write ``expected.json`` beside the sample traces: ``python scripts/expect_samples.py [dialect[/case] ...]``.

What it writes is what the code does now. Read the difference against the request before committing it: an
expectation nobody read proves nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from otlp_json import rows  # noqa: E402 - the tests' helper, found by the line above


def main() -> None:
    wanted = sys.argv[1:]
    for path in sorted((ROOT / "sample_traces").glob("*/*/request.json")):
        case = path.parent.relative_to(ROOT / "sample_traces").as_posix()
        if wanted and not any(case == name or case.startswith(f"{name}/") for name in wanted):
            continue
        expected = rows(json.loads(path.read_text(encoding="utf-8")))
        text = json.dumps(expected, indent=1, ensure_ascii=False) + "\n"
        target = path.with_name("expected.json")
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            print("wrote", case)


if __name__ == "__main__":
    main()
