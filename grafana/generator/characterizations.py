"""PromQL about characterizations: how good a backend was when IonQ last measured it."""

from grafana.generator.promql import MEMORY, SELECTED, STATUS, WAIT, indented, look_back, only_available

FIDELITY = "ionq_backend_fidelity_ratio"
DURATION = "ionq_backend_operation_duration_seconds"
DATE = "ionq_backend_characterization_timestamp_seconds"

_ABANDONED_DAYS = 90
_IN_SERVICE = f'and on (backend) last_over_time({STATUS}{{status="retired"}}[{MEMORY}]) == 0'
_TOO_SMALL = f"unless on (backend) last_over_time(ionq_backend_qubits[{MEMORY}]) < $qubits"


def latest(metric: str, matchers: str = SELECTED) -> str:
    """Return a number of each backend's latest characterization that is known."""
    return f"last_over_time(max by (backend) ({metric}{{{matchers}}})[{MEMORY}:1m])"


def latest_error(operation: str, backends: str = SELECTED) -> str:
    """Return how often an operation fails, by the latest characterization."""
    return f"1 - {latest(FIDELITY, _of(operation, backends))}"


def history(expression: str) -> str:
    """End each backend's line some time after its last characterization, which IonQ names for ever."""
    return f"{expression}\nand on (backend) time() - {past(DATE)} < {_ABANDONED_DAYS} * 86400"


def past_error(operation: str) -> str:
    """Return how often an operation failed, over months and years: the median of each week."""
    return history(f"1 - {_weekly_median(_of(operation, SELECTED))}")


def error_change(before: str, backends: str = SELECTED) -> str:
    """Compare the two-qubit error of the last week with that of an earlier week. Above 0 is worse."""
    fidelities = _of("2q", backends)
    return f"(1 - {_weekly_median(fidelities)})\n/\n(1 - {_weekly_median(fidelities, offset=before)})\n- 1"


def lately_in_service(expression: str) -> str:
    """Leave retired backends out, also while IonQ does not respond."""
    return f"{expression}\n{_IN_SERVICE}"


def success() -> str:
    """Estimate how likely one run of the circuit is free of errors, on each backend that is large enough."""
    return f"""\
{latest(FIDELITY, _of("2q", SELECTED))} ^ $gates
* {latest(FIDELITY, _of("spam", SELECTED))} ^ $qubits
{_TOO_SMALL}
{_IN_SERVICE}"""


def candidates(expression: str) -> str:
    """Leave backends out that are too small for the circuit, or retired."""
    return f"(\n{indented(expression)}\n)\n{_TOO_SMALL}\n{_IN_SERVICE}"


def time_to_result() -> str:
    """Estimate wait and running time, in milliseconds, on the backends that take jobs from their queue."""
    seconds = f"""\
  max by (backend) ({WAIT}{{{SELECTED}}})
  + $shots * $gates * {latest(DURATION, 'operation="2q"')}"""
    milliseconds = f"1000 * (\n{seconds}\n)"
    return f"{only_available(milliseconds)}\nunless on (backend) ionq_backend_qubits < $qubits"


def past(metric: str, matchers: str = SELECTED) -> str:
    """Return a number of each backend's characterization that was in force, over months and years."""
    # A day joins the hours of a backfill.
    return f"last_over_time(max by (backend) ({metric}{{{matchers}}})[1d:1h])"


def _weekly_median(matchers: str, *, offset: str = "") -> str:
    # Characterizations are daily, and scatter from day to day. The minute lets each week have as many values,
    # also at full hours: else the median flickers.
    week = look_back(f"max by (backend) ({FIDELITY}{{{matchers}}})", "7d", step="3h", offset=f"{offset}1m")
    return f"quantile_over_time(0.5, {week})"


def _of(operation: str, backends: str) -> str:
    return f'operation="{operation}", {backends}'
