"""``spanloft compact``: as few files as there can be, now rather than by and by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from spanloft_collector.store.compact import MAX_BYTES, SETTLE_S, merge
from spanloft_collector.store.manifest import LiveFile
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import Rewrites, live_files


@dataclass(frozen=True, slots=True)
class MergePlan:
    """Files of one writer, dataset and day that become one."""

    writer: str
    inputs: list[LiveFile]


def plan_merges(store: ParquetStore) -> list[MergePlan]:
    """What can be merged: all files of a day, as long as the result stays below the size that is worth rewriting."""
    groups: dict[tuple[str, str, str], list[LiveFile]] = defaultdict(list)
    for owned in live_files(store):
        groups[owned.writer, owned.file.dataset, owned.file.day].append(owned.file)
    plans = []
    for (writer, _, _), files in groups.items():
        batch: list[LiveFile] = []
        for file in files:
            if batch and sum(one.bytes for one in batch) + file.bytes > MAX_BYTES:
                plans.append(MergePlan(writer, batch))
                batch = []
            batch.append(file)
        plans.append(MergePlan(writer, batch))
    return [plan for plan in plans if len(plan.inputs) > 1]


def compact(
    store: ParquetStore,
    plans: list[MergePlan],
    *,
    progress: Callable[[MergePlan], None] = lambda plan: None,
    settle_s: float = SETTLE_S,
) -> int:
    """Merge; returns how many merges were given up because the files changed. The caller holds the maintenance lock."""
    with Rewrites(store, settle_s=settle_s) as rewrites:
        for plan in plans:
            staged = merge(store, plan.writer, plan.inputs)
            level = max(file.level for file in plan.inputs) + 1
            rewrites.stage(plan.writer, [file._replace(level=level) for file in staged.merged], plan.inputs)
            progress(plan)
        rewrites.finish()
        return rewrites.conflicts
