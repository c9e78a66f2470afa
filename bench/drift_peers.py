"""Evidently's and alibi-detect's drift methods on windows that ``bench/drift.py --peers FILE`` wrote.

    python -m venv .matrix/drift-peers
    .matrix/drift-peers/bin/pip install evidently==0.7.23 'pandas<2.3' alibi-detect==0.13.0
    .matrix/drift-peers/bin/pip install torch==2.13.0
    .matrix/drift-peers/bin/python bench/drift_peers.py FILE [--method NAME ...]

Each method is shown at its own default and calibrated: its statistic against the 99 % quantile over half of the
windows in which nothing changed; false alarms are counted on the other half. Methods that take seconds for a window
judge fewer of them, and Spanloft's row on these stands above theirs. It imports nothing of Spanloft. Missing
are alibi-detect's learned kernels and spot-the-difference: they train a network for each window.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from alibi_detect.cd import ClassifierDrift, CVMDrift, KSDrift, LSDDDrift, MMDDrift
from evidently.legacy.metrics.data_drift.embedding_drift_methods import distance, mmd, model, ratio
from sklearn.linear_model import LogisticRegression

Judge = Callable[[np.ndarray, np.ndarray], tuple[float, bool]]
"""Baseline and window to (statistic, larger is more; drifted by the method's own default)."""


def evidently(method: Callable) -> Judge:
    """A method of Evidently; its score is larger the more a window differs."""

    def judge(baseline: np.ndarray, window: np.ndarray) -> tuple[float, bool]:
        score, drifted, _ = method(pd.DataFrame(window), pd.DataFrame(baseline))
        return float(score), bool(drifted)

    return judge


def alibi(kind: type, **options: object) -> Judge:
    """A method of alibi-detect at p ≤ 0.05, its default; many dimensions with Bonferroni's correction."""

    def judge(baseline: np.ndarray, window: np.ndarray) -> tuple[float, bool]:
        found = kind(baseline, p_val=0.05, **options).predict(window)["data"]
        # 100 permutations make few different p-values; the statistic itself tells windows apart.
        if np.size(found["p_val"]) > 1:
            return float(-np.log10(np.maximum(np.min(found["p_val"]), 1e-300))), bool(found["is_drift"])
        return float(found["distance"]), bool(found["is_drift"])

    return judge


def alibi_classifier(baseline: np.ndarray, window: np.ndarray) -> tuple[float, bool]:
    """Logistic regression in folds, judged by its predictions on what it has not seen."""
    return alibi(ClassifierDrift, model=LogisticRegression(), backend="sklearn", n_folds=4)(baseline, window)


METHODS: dict[str, Judge] = {
    "Evidently classifier (default)": evidently(model()),
    "Evidently distance, euclidean": evidently(distance()),
    "Evidently distance, cosine": evidently(distance(dist="cosine")),
    "Evidently distance, cityblock": evidently(distance(dist="cityblock")),
    "Evidently distance, chebyshev": evidently(distance(dist="chebyshev")),
    "Evidently MMD": evidently(mmd()),
    "Evidently share of components": evidently(ratio()),
    "alibi-detect KS": alibi(KSDrift),
    "alibi-detect classifier": alibi_classifier,
    "alibi-detect MMD": alibi(MMDDrift, backend="pytorch"),
    "alibi-detect LSDD": alibi(LSDDDrift, backend="pytorch"),
    "alibi-detect Cramer-von Mises": alibi(CVMDrift),
}
SLOW = {"alibi-detect MMD", "alibi-detect LSDD", "alibi-detect Cramer-von Mises"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="windows that bench/drift.py --peers wrote")
    parser.add_argument("--method", action="append", default=[], help="only methods whose names begin so")
    parser.add_argument("--nulls", type=int, help="only so many windows without change; all where nothing is said")
    parser.add_argument("--each", type=int, help="only so many windows of each drift")
    parser.add_argument("--slow-nulls", type=int, default=40, help="the same for methods that take seconds a window")
    parser.add_argument("--slow-each", type=int, default=6)
    options = parser.parse_args()
    found = np.load(options.file)
    wanted = tuple(options.method) or ("",)
    for names, nulls, each in (
        (METHODS.keys() - SLOW, options.nulls, options.each),
        (SLOW, options.slow_nulls, options.slow_each),
    ):
        methods = {name: judge for name, judge in METHODS.items() if name in names and name.startswith(wanted)}
        if methods:
            table(found, methods, nulls, each)
    return 0


def table(found: Mapping[str, np.ndarray], methods: Mapping[str, Judge], nulls: int | None, each: int | None) -> None:
    """Print Spanloft's row and those of ``methods``, all on the first ``nulls`` and ``each`` windows of a kind."""
    limits = {kind: nulls if kind == "null" else each for kind in set(found["kinds"].tolist())}
    kept = np.sort(np.concatenate([np.flatnonzero(found["kinds"] == kind)[:most] for kind, most in limits.items()]))
    baseline, kinds, windows = found["baseline"], found["kinds"][kept], found["windows"][kept]
    names = [name for name in dict.fromkeys(kinds.tolist()) if name != "null"]
    null = np.flatnonzero(kinds == "null")
    first, second = null[: len(null) // 2], null[len(null) // 2 :]
    print(f"{len(null)} windows without change, {(kinds == names[0]).sum()} of each drift")
    print(f"at its default / calibrated to 1 %, ± standard error; | null | {' | '.join(names)} | CPU ms |")
    ours = found["ours"][kept] <= 0.01
    print(row("Spanloft", names, kinds, null, ours, ours, float(found["ours_cpu_ms"])), flush=True)
    for name, judge in methods.items():
        started = time.process_time()
        judged = [judge(baseline, window) for window in windows]
        cpu_ms = 1000 * (time.process_time() - started) / len(windows)
        scores = np.array([score for score, _ in judged])
        default = np.array([drifted for _, drifted in judged])
        calibrated = scores > np.quantile(scores[first], 0.99)
        print(row(name, names, kinds, second, default, calibrated, cpu_ms), flush=True)


def row(
    method: str,
    names: list[str],
    kinds: np.ndarray,
    null: np.ndarray,
    default: np.ndarray,
    calibrated: np.ndarray,
    cpu_ms: float,
) -> str:
    """The rates of one method as a row of a table."""
    groups = [null, *(np.flatnonzero(kinds == name) for name in names)]
    cells = [f"{rate(default[group])} / {rate(calibrated[group])}" for group in groups]
    return f"| {method} | {' | '.join(cells)} | {cpu_ms:.0f} |"


def rate(called: np.ndarray) -> str:
    """Share that was called drifted, with its standard error."""
    share = called.mean()
    return f"{share:.2f}±{np.sqrt(share * (1 - share) / len(called)):.2f}"


if __name__ == "__main__":
    sys.exit(main())
