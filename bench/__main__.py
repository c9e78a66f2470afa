"""`make bench`: every benchmark in its short form, one after the other."""

from __future__ import annotations

import subprocess
import sys

BENCHES = (
    ("ingest", "--seconds", "20"),
    ("import_time",),
    ("client_overhead",),
    ("exit_time",),
    ("fallback",),
    ("bill",),
)


def main() -> int:
    failed = 0
    for name, *options in BENCHES:
        print(f"\n== python -m bench.{name} {' '.join(options)}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
