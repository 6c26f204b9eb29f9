"""One measurement: processor time per request, rate, latencies and memory of one server under load."""

import dataclasses
import statistics
from typing import Callable

from .process import SERVER_CORE, core_busy_seconds

CODES_PER_ROUND = 20_000
CODES_TO_WARM_UP = 2_000


@dataclasses.dataclass
class Subject:
    """A server to be measured in a row, beside others."""

    name: str
    # What has to be known to compare it fairly.
    note: str
    # Whose processor time counts; the first one's memory is shown.
    servers: list
    # The plan; of a subject whose requests are spent, made anew for a number of them.
    plan: object = None
    spends: Callable | None = None


@dataclasses.dataclass
class Figures:
    """What one subject did in all rounds."""

    subject: Subject
    samples: list = dataclasses.field(default_factory=list)

    def median(self, key):
        return statistics.median(sample[key] for sample in self.samples)

    def spread(self, key):
        values = [sample[key] for sample in self.samples]
        return min(values), max(values)


def measure(subjects, generator, rounds, seconds, tell):
    """All subjects in turn, round after round, so that a bad moment of the machine hits all of them alike."""
    figures = [Figures(subject) for subject in subjects]
    for subject in subjects:
        tell(f"    warming up {subject.name}")
        plan = subject.spends(CODES_TO_WARM_UP) if subject.spends else subject.plan
        if not (plan.once or plan.chain):
            # Every credential once, however slow the machine is now: from here on none of them is new.
            generator.run(plan, 60, count=len(plan.rows))
        generator.run(plan, seconds)
    for number in range(rounds):
        for figure in figures:
            sample = one(figure.subject, generator, seconds)
            figure.samples.append(sample)
            tell(f"    round {number + 1}: {figure.subject.name} {sample['cpu_us']:.1f} us, {sample['per_second']:.0f}/s")
    return figures


def one(subject, generator, seconds):
    plan = subject.spends(CODES_PER_ROUND) if subject.spends else subject.plan
    used, busy = cpu_of(subject), core_busy_seconds(SERVER_CORE)
    outcome = generator.run(plan, seconds)
    used, busy = cpu_of(subject) - used, core_busy_seconds(SERVER_CORE) - busy
    for server in subject.servers:
        server.check_alive()
    return {
        "requests": outcome["requests"],
        "cpu_us": used * 1e6 / outcome["requests"],
        "per_second": outcome["per_second"],
        "p50_us": outcome["p50_us"],
        "p99_us": outcome["p99_us"],
        "memory_mib": subject.servers[0].resident() / 2**20,
        # How much of its core the server used: below 95 % something else was the limit of its rate.
        "busy": used / outcome["seconds"],
        # How much of the server's core went to programs that are not part of the measurement.
        "foreign": max(0.0, busy - used) / outcome["seconds"],
    }


def cpu_of(subject):
    return sum(server.cpu_seconds() for server in subject.servers)
