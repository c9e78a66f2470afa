"""Drift: false alarms and power on labelled questions, at a 1 % false-alarm rate, windows of 200.

    python -m bench.drift --data FOLDER [--corpus clinc150,banking77] [--trials 25] [--baseline 2000]

FOLDER holds clinc150.jsonl and banking77.jsonl ({"text", "intent"} a line). Statistics and their grouping were chosen
on the first; the second confirms them. The number after ± is the standard error over baselines. ``--peers FILE`` writes
windows for ``bench/drift_peers.py``, which judges them by Evidently and alibi-detect in an environment of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy import stats
from spanloft_collector.signals.drift.baseline import Baseline, Sample
from spanloft_collector.signals.drift.cumulative import ALARM, accumulate
from spanloft_collector.signals.drift.topics import find_topics
from spanloft_collector.signals.embedding.choice import DEFAULT_MODEL, create_embedder
from spanloft_collector.signals.embedding.weights import find_weights

from bench.drift_data import WINDOW, Maker, load

ALPHA = 0.01
REACH = {
    "null": "≤ .015",
    "sessions": "≤ .02",
    "new intent 5 %": "≥ .50",
    "new intent 10 %": "≥ .97",
    "new intent 20 %": "1.0",
    "known intent +10 %": "≥ .95",
    "other domain 10 %": "≥ .85",
    "style 20 %": "≥ .90",
    "language 20 %": "≥ .90",
    "topic named first": "≥ .90",
}


def line(kind: str, values: list[list[bool]]) -> None:
    """One row: the mean over trials, with the standard error of it."""
    means = np.array([np.mean(trial) for trial in values])
    error = means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else float("nan")
    print(
        f"{kind:26} {means.mean():6.3f} ± {error:.3f}  n={sum(map(len, values)):5}  {REACH.get(kind, '')}", flush=True
    )


def verdicts(maker: Maker, trials: int, nulls: int, each: int) -> tuple[list[list[float]], list[float]]:
    """Print the rates; returns p-values of null windows by trial, and of those with 10 % of a new intent."""
    found: dict[str, list[list[bool]]] = defaultdict(list)
    null: list[list[float]] = []
    drifted: list[float] = []
    cpu_s: list[float] = []
    for number in range(trials):
        trial = maker.trial(number, nulls, each)
        fitted = Baseline.fit(trial.baseline, WINDOW, seed=number)
        seen: dict[str, list[bool]] = defaultdict(list)
        null.append([])
        for kind, window, planted in trial.windows:
            started = time.process_time()
            measured = fitted.measure(window)
            cpu_s.append(time.process_time() - started)
            seen[kind].append(measured.p_value <= ALPHA)
            if kind == "null":
                null[-1].append(measured.p_value)
            elif kind == "new intent 10 %":
                drifted.append(measured.p_value)
            if kind == "new intent 20 %":
                topics = find_topics(fitted, window, measured.comparison)
                right = bool(topics) and np.isin(topics[0].examples, planted).mean() > 0.5
                seen["topic named first"].append(right)
        for kind, values in seen.items():
            found[kind].append(values)
    for kind, values in found.items():
        line(kind, values)
    print(f"{'CPU a window, ms':26} {1000 * np.median(cpu_s):6.1f}  p95 {1000 * np.quantile(cpu_s, 0.95):.1f}   ≤ 50")
    return null, drifted


def clustered(maker: Maker, trials: int, windows: int) -> None:
    """False alarms where texts come in sessions, permuted by session and by text."""
    by_session, by_text = [], []
    for number in range(trials):
        trial = maker.sessions(number, windows)
        fitted = Baseline.fit(trial.baseline, WINDOW, seed=number)
        made = [window for _, window, _ in trial.windows]
        by_session.append([fitted.measure(window).p_value <= ALPHA for window in made])
        if number < 3:
            texts = trial.baseline
            apart = Baseline.fit(Sample(texts.texts, texts.vectors, np.arange(len(texts))), WINDOW)
            by_text.append([apart.measure(window).p_value <= ALPHA for window in made[:10]])
    line("sessions", by_session)
    line("  were texts permuted", by_text)


def gradual(maker: Maker, trials: int) -> None:
    """At which share a topic is found that grows by one percent a window."""
    single, summed = [], []
    for number in range(trials):
        trial = maker.gradual(number)
        fitted = Baseline.fit(trial.baseline, WINDOW, seed=number)
        level, first = 0.0, {"single": 99, "summed": 99}
        for share, window, _ in trial.windows:
            p_value = fitted.measure(window).p_value
            level = accumulate(level, p_value)
            if p_value <= ALPHA:
                first["single"] = min(first["single"], int(share))
            if p_value <= ALPHA or level >= ALARM:
                first["summed"] = min(first["summed"], int(share))
        single.append(first["single"])
        summed.append(first["summed"])
    late = np.mean(np.array(summed) > 12)
    print(f"gradual: found at a share of {np.median(summed):.0f} % (median), worst {max(summed)} %", end="; ")
    print(f"later than 12 %: {late:.2f}; by single windows alone {np.median(single):.0f} % (median)", flush=True)


def discoveries(null: list[list[float]], drifted: list[float], rounds: int = 200) -> None:
    """False discoveries among 200 series of which 10 drifted, from the p-values above; jackknife over baselines."""
    rng = np.random.default_rng(0)

    def measured(trials: list[list[float]]) -> tuple[float, float]:
        known = np.concatenate(trials)
        rates, power = [], []
        for _ in range(rounds):
            quiet = rng.choice(known, 190, replace=len(known) < 190)
            p_values = np.concatenate([quiet, rng.choice(drifted, 10)])
            called = (stats.false_discovery_control(p_values) <= 0.05) & (p_values <= ALPHA)
            rates.append(called[:190].sum() / max(called.sum(), 1))
            power.append(called[190:].mean())
        return float(np.mean(rates)), float(np.mean(power))

    rate, power = measured(null)
    without = np.array([measured(null[:place] + null[place + 1 :])[0] for place in range(len(null))])
    error = np.sqrt((len(null) - 1) / len(null) * np.square(without - without.mean()).sum())
    print(f"200 series, 10 drifted: false discoveries {rate:.3f} ± {error:.3f} (≤ .05); found {power:.3f}", flush=True)


def embedding(cache: Path) -> None:
    """Texts of 40 tokens a second on two threads; torch beside where it is installed."""
    asked = "how do i change the address of my account before the next parcel is sent to the old one"
    words = asked.split()
    texts = [" ".join(words[(place + step) % len(words)] for step in range(38)) for place in range(96)]
    routes = {
        name: create_embedder(f"{DEFAULT_MODEL}{suffix}", cache, threads=2)
        for name, suffix in (("fp32", ""), ("int8", "/int8"))
    }
    weights = find_weights(cache)
    if importlib.util.find_spec("sentence_transformers") and weights:
        routes["torch"] = create_embedder(f"sentence-transformers:{weights}", cache, threads=2)
    best: dict[str, float] = dict.fromkeys(routes, 0.0)
    for _ in range(4):
        for name, route in routes.items():
            started = time.perf_counter()
            route.embed(texts)
            best[name] = max(best[name], len(texts) / (time.perf_counter() - started))
    for name, rate in best.items():
        ratio = f"{rate / best['torch']:.2f} x torch fp32" if "torch" in best else "no torch here"
        print(f"embedding {name:6} {rate:7.1f} texts/s, 40 tokens, 2 threads   {ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the corpora")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/spanloft").expanduser())
    parser.add_argument("--corpus", default="clinc150,banking77")
    parser.add_argument("--baseline", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--nulls", type=int, default=40)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="write the windows of the first trials for bench/drift_peers.py")
    options = parser.parse_args()
    corpora = {name: load(name, options.data, options.cache) for name in ("clinc150", "banking77")}
    if options.peers:
        write_windows(
            Maker(corpora["clinc150"], corpora["banking77"], options.cache, options.baseline),
            options.peers,
            options.nulls,
            options.each,
        )
        return
    for name in options.corpus.split(","):
        other = corpora["banking77" if name == "clinc150" else "clinc150"]
        maker = Maker(corpora[name], other, options.cache, options.baseline)
        print(f"\n{name}: baselines of {options.baseline}, windows of {WINDOW}, α = {ALPHA}")
        null, drifted = verdicts(maker, options.trials, options.nulls, options.each)
        clustered(maker, options.trials, options.nulls)
        gradual(maker, max(4, options.trials // 4))
        discoveries(null, drifted)
    embedding(options.cache)


def write_windows(maker: Maker, path: Path, nulls: int, each: int) -> None:
    """The windows of one trial and our p-values of them, for the peers' environment."""
    trial = maker.trial(0, nulls, each)
    fitted = Baseline.fit(trial.baseline, WINDOW)
    kinds, vectors, ours = [], [], []
    cpu_s = 0.0
    for kind, window, _ in trial.windows:
        started = time.process_time()
        ours.append(fitted.measure(window).p_value)
        cpu_s += time.process_time() - started
        kinds.append(kind)
        vectors.append(window.vectors)
    np.savez(
        path,
        baseline=trial.baseline.vectors,
        kinds=np.array(kinds),
        windows=np.stack(vectors),
        ours=np.array(ours),
        ours_cpu_ms=1000 * cpu_s / len(ours),
    )


if __name__ == "__main__":
    main()
