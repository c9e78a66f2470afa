"""Evidently's and alibi-detect's drift methods on windows that ``bench/drift.py --peers FILE`` wrote.

    python -m venv .matrix/drift-peers
    .matrix/drift-peers/bin/pip install evidently==0.7.23 'pandas<2.3' alibi-detect
    .matrix/drift-peers/bin/python bench/drift_peers.py FILE

Each method is shown at its own default and calibrated: its statistic against the 99 % quantile over half of the
windows in which nothing changed; false alarms are counted on the other half. It imports nothing of Spanloft.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from alibi_detect.cd import CVMDrift, KSDrift
from evidently.legacy.metrics.data_drift.embedding_drift_methods import distance, mmd, model, ratio

Judge = Callable[[np.ndarray, np.ndarray], tuple[float, bool]]
"""Baseline and window to (statistic, larger is more; drifted by the method's own default)."""


def evidently(method: Callable) -> Judge:
    """A method of Evidently; its score is larger the more a window differs."""

    def judge(baseline: np.ndarray, window: np.ndarray) -> tuple[float, bool]:
        score, drifted, _ = method(pd.DataFrame(window), pd.DataFrame(baseline))
        return float(score), bool(drifted)

    return judge


def alibi(kind: type) -> Judge:
    """A test for each dimension with Bonferroni's correction, as alibi-detect does by default."""

    def judge(baseline: np.ndarray, window: np.ndarray) -> tuple[float, bool]:
        found = kind(baseline, p_val=0.05).predict(window)["data"]
        return float(-np.log10(np.maximum(np.min(found["p_val"]), 1e-300))), bool(found["is_drift"])

    return judge


METHODS: dict[str, Judge] = {
    "Evidently classifier (default)": evidently(model()),
    "Evidently distance, euclidean": evidently(distance()),
    "Evidently distance, cosine": evidently(distance(dist="cosine")),
    "Evidently share of components": evidently(ratio()),
    "Evidently MMD": evidently(mmd()),
    "alibi-detect KS": alibi(KSDrift),
    "alibi-detect Cramer-von Mises": alibi(CVMDrift),
}


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    found = np.load(sys.argv[1])
    baseline, kinds, windows = found["baseline"], found["kinds"], found["windows"]
    names = [name for name in dict.fromkeys(kinds.tolist()) if name != "null"]
    null = np.flatnonzero(kinds == "null")
    first, second = null[: len(null) // 2], null[len(null) // 2 :]
    print("at its default / calibrated to 1 %, share of windows called drifted")
    print("Spanloft", row(names, kinds, second, found["ours"] <= 0.01, found["ours"] <= 0.01), flush=True)
    for name, judge in METHODS.items():
        started = time.process_time()
        judged = [judge(baseline, window) for window in windows]
        cpu_ms = 1000 * (time.process_time() - started) / len(windows)
        scores = np.array([score for score, _ in judged])
        default = np.array([drifted for _, drifted in judged])
        calibrated = scores > np.quantile(scores[first], 0.99)
        print(f"{name} ({cpu_ms:.0f} ms CPU)", row(names, kinds, second, default, calibrated), flush=True)
    return 0


def row(names: list[str], kinds: np.ndarray, null: np.ndarray, default: np.ndarray, calibrated: np.ndarray) -> str:
    """The rates of one method."""
    cells = [f"null {default[null].mean():.2f} / {calibrated[null].mean():.2f}"]
    cells += [f"{name} {default[kinds == name].mean():.2f} / {calibrated[kinds == name].mean():.2f}" for name in names]
    return "; ".join(cells)


if __name__ == "__main__":
    sys.exit(main())
