"""The bill over eighteen emitters stays within 0.01 % of the ledger; no call counts twice. The bench checks itself."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "bill.py"


def test_the_bill_is_the_ledgers(tmp_path):
    found = tmp_path / "bill.json"
    command = [sys.executable, str(BENCH), "--calls", "200", "--seed", "11", "--json", str(found)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    total = json.loads(found.read_text())["all"]
    assert abs(total["ours_off"]) < 0.01
    # If the naive bill were right too, the calls would be too easy.
    assert abs(total["naive_off"]) > 10
