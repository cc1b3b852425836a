"""PromQL about backends that several panels share.

The queries read the exporter's own metrics, so that the dashboards work without recording rules. They
aggregate over exporters and locations first and look back afterwards: neither a second exporter nor a restart
changes a result.
"""

from grafana.generator.states import LAST_KNOWN

SELECTED = 'backend=~"$backend"'
QPU = 'backend=~"qpu[.].+"'
SELECTED_QPUS = f"{SELECTED}, {QPU}"
SELECTED_OR_NONE = 'backend=~"|$backend"'
"""What concerns a selected backend, or no particular one."""
AVAILABLE = 'status=~"available|running|degraded"'
"""The statuses in which a backend takes jobs from its queue."""

MEMORY = "6h"
"""For how long tables keep what was last known while IonQ does not respond."""

STATUS = "ionq_backend_status"
WAIT = "ionq_backend_average_queue_time_seconds"


def status_word(backends: str) -> str:
    """Return each backend's status as a label, with a word on whether it is degraded or only last known."""
    available = f"max by (backend, status) ({STATUS}{{{AVAILABLE}, {backends}}} == 1)"
    now = f"topk by (backend) (1, max by (backend, status) ({STATUS}{{{backends}}} == 1))"
    last = f"max_over_time(timestamp({STATUS}{{{backends}}} == 1)[{MEMORY}:1m])"
    return f"""\
label_replace(
  {available}
  and on (backend) ionq_backend_degraded == 1,
  "status", "$1, degraded", "status", "(.+)"
)
or on (backend) {now}
or on (backend) label_replace(
  topk by (backend) (1, max by (backend, status) (
    {last}
  )),
  "status", "{LAST_KNOWN}$1", "status", "(.+)"
)"""


def status_number(backends: str) -> str:
    """Return each backend's number in `states.STATUSES`, for a timeline. Retired ones have none."""
    return f"""\
max by (backend) (
  5 * (ionq_backend_degraded{{{backends}}} == 1 and on (backend) {STATUS}{{{AVAILABLE}}} == 1)
  or 4 * {STATUS}{{status=~"available|running", {backends}}}
  or 5 * {STATUS}{{status="degraded", {backends}}}
  or 2 * {STATUS}{{status=~"unavailable|offline", {backends}}}
  or 3 * {STATUS}{{status!="retired", {backends}}}
) > 0"""


def available(backends: str) -> str:
    """Return 1 for each backend that takes jobs from its queue, else 0."""
    return f"max by (backend) ({STATUS}{{{AVAILABLE}, {backends}}})"


def degraded(backends: str) -> str:
    """Return 1 for each backend that IonQ calls degraded, else 0; retired ones have none."""
    return f"({in_service(f'min by (backend) (ionq_backend_degraded{{{backends}}})')})"


def in_service(expression: str) -> str:
    """Leave retired backends out."""
    return f'{expression}\nunless on (backend) {STATUS}{{status="retired"}} == 1'


def only_available(expression: str) -> str:
    """Leave backends out that do not take jobs from their queue."""
    return f"{expression}\nand on (backend) {STATUS}{{{AVAILABLE}}} == 1"


def wait(backends: str, *, offset: str = "") -> str:
    """Return the queue time in seconds.

    IonQ sends 0 for backends that are not available, too: there it does not mean that the queue is empty.
    """
    earlier = f" offset {offset}" if offset else ""
    return f"""\
max by (backend) ({WAIT}{{{backends}}}{earlier}) > 0
or max by (backend) ({WAIT}{{{backends}}}{earlier})
  and on (backend) {STATUS}{{{AVAILABLE}}}{earlier} == 1"""


def wait_in_service(backends: str) -> str:
    """Return the queue time in seconds of backends that are not retired."""
    return in_service(f"(\n{indented(wait(backends))}\n)")


def does_not_apply(backends: str) -> str:
    """Return -1 for each backend that nobody queues for: retired ones and simulators."""
    return f"""\
-1 * group by (backend) (
  {STATUS}{{status="retired", {backends}}} == 1 or {STATUS}{{backend!~"qpu[.].+", {backends}}}
)"""


def look_back(expression: str, window: str, *, step: str = "5m", offset: str = "") -> str:
    """Return a subquery: the argument of a function such as avg_over_time."""
    return f"{expression}[{window}:{step}]{f' offset {offset}' if offset else ''}"


def indented(expression: str) -> str:
    """Indent an expression inside another one's parentheses."""
    return "\n".join(f"  {line}" for line in expression.splitlines())


def or_no_qpu(expression: str, name: str, *, needs: str = "") -> str:
    """Return -1, under a name, if IonQ responds, but the expression has no result."""
    known = f"-1 * (max(ionq_up) == 1){needs and f' and on () {needs}'}"
    return f'{expression}\nor on () label_replace({known}, "backend", "{name}", "", "")'
