"""What each process of the services does: its answers by rate, errors and duration (RED), and what it uses."""

from tallystick.dashboards.dashboard import Row
from tallystick.dashboards.panels import BYTES, COUNT, REQUESTS, SECONDS, SHARE, STATE, Query, lines
from tallystick.dashboards.queries import rate, runbook, share_below
from tallystick.dashboards.tables import Column, table

_JOB = 'job=~"$job"'
_REQUESTS = "tallystick_http_request_duration_seconds"

ANSWERS = Row(
    "Answers: rate, errors, duration",
    [
        lines(
            "Rate",
            "Requests each second, by service.",
            Query(rate(f"{_REQUESTS}_count", "job", _JOB), "{{job}}"),
            unit=REQUESTS,
            width=8,
        ).when_empty("until somebody asks"),
        lines(
            "Errors",
            "Requests that ended in a 5xx status or without an answer, each second, by service and route.",
            Query(f"{rate('tallystick_http_errors_total', 'job, route', _JOB)} > 0", "{{job}} {{route}}"),
            unit=REQUESTS,
            links=[runbook("AnswersFailing")],
            width=8,
        ).when_empty("while no answer fails"),
        lines(
            "Duration",
            "How long answers take, by service: 95% are below.",
            Query(share_below(_REQUESTS, 0.95, ["job"], _JOB), "{{job}}"),
            unit=SECONDS,
            width=8,
        ).when_empty("while nobody asks"),
    ],
)

PROCESSES_OF_SERVICES = Row(
    "Processes",
    [
        lines(
            "Processor",
            "Cores that each instance uses. A service is one process on one core: near 1 it is at its limit.",
            Query(f"rate(process_cpu_seconds_total{{{_JOB}}}[$__rate_interval])", "{{job}} {{instance}}"),
            unit=SHARE,
            width=8,
        ),
        lines(
            "Memory",
            "Resident memory of each instance.",
            Query(f"process_resident_memory_bytes{{{_JOB}}}", "{{job}} {{instance}}"),
            unit=BYTES,
            width=8,
        ),
        lines(
            "Event loop",
            "How late the event loop comes round: 99% of the times are below. Dashed: a quarter of a second.",
            Query(share_below("tallystick_event_loop_lag_seconds", 0.99, ["job"], _JOB), "{{job}}"),
            unit=SECONDS,
            limits=[0.25],
            links=[runbook("EventLoopBlocked")],
            width=8,
        ),
        lines(
            "Open files",
            "Share of the open files that each instance may have. At 100% it can neither read nor answer.",
            Query(f"process_open_fds{{{_JOB}}} / process_max_fds{{{_JOB}}}", "{{job}} {{instance}}"),
            unit=SHARE,
            width=8,
        ),
        table(
            "Releases",
            "Which release runs in how many instances. After an upgrade every instance should show the same version.",
            Column("Instances", f"count by (service, version, python) (tallystick_build_info{{{_JOB}}})", COUNT),
            labels=["service", "version", "python"],
            sort="service",
            width=8,
        ),
        table(
            "Versions known",
            "Versions of definitions that each service has read from the catalogue's log. 0 agreements: every record "
            "is parked.",
            Column("Versions", "max by (job, kind) (tallystick_catalogue_versions)", STATE),
            labels=["job", "kind"],
            sort="job",
            width=8,
        ),
    ],
)
