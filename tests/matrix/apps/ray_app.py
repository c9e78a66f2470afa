# ruff: noqa: E402
import spanloft

spanloft.instrument()

import ray
from opentelemetry import trace


def work(name: str) -> str:
    with trace.get_tracer("app").start_as_current_span(name):
        return name


@ray.remote
def task(call, *args):
    return call(*args)


@ray.remote
class Actor:
    def run(self, call, *args):
        return call(*args)


ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
with trace.get_tracer("app").start_as_current_span("root"), spanloft.context(user="u-1"):
    ray.get([task.remote(spanloft.carry(work), f"task {number}") for number in range(4)])
    actor = Actor.remote()
    ray.get(actor.run.remote(spanloft.carry(work), "actor"))
ray.shutdown()
