"""How good the machines are: which one suits a circuit, and how they change over the years."""

from grafana_foundation_sdk.builders import prometheus, timeseries
from grafana_foundation_sdk.models.common import BigValueTextMode, LineInterpolation

from grafana.generator import controls
from grafana.generator.answers import API_UP, ionq_api
from grafana.generator.links import to_backend
from grafana.generator.page import Page, Row
from grafana.generator.panels import (
    SOLID,
    big_number,
    graph,
    grid,
    joined,
    levels,
    logarithmic,
    now,
    over_time,
    rows,
    setting,
)
from grafana.generator.promql import EXPORTERS, Backends
from grafana.generator.records import Circuit, Records
from grafana.generator.states import BLUE, ORANGE, PURPLE, STATES, VERMILION, State, by_number, by_word

ALL = Backends(f'{EXPORTERS}, location=~"$location", backend=~"$backend"')
NOW = Records(ALL)
HISTORY = NOW.history
CIRCUIT = Circuit(NOW, gates="$gates", qubits="$qubits")

_NO_RECORD = (
    "Nothing is known: IonQ does not answer, no exporter is scraped, or no characterization has been read"
)
_LEFT_OUT = "Machines that are retired, or without a characterization, are left out."
_LINES_END = "A line ends when the machine retires, or 90 days after its last characterization."

_LINKED = setting("links", [to_backend(keep_time=False)])

best_machine = big_number(
    "Best machine for this circuit",
    "percentunit",
    "The machine that takes jobs now and would most likely run a circuit of $gates two-qubit gates on "
    "$qubits qubits without an error: the first row of the table, where it is told how this is estimated.",
    now(
        f"topk(1, {CIRCUIT.success_of_available})\n"
        f"or on () label_replace(-({API_UP} == 1) and on () count({NOW.date}), "
        '"backend", "for this circuit", "", "")',
        "{{backend}}",
    ),
    text=BigValueTextMode.VALUE_AND_NAME,
).mappings(list(by_number([State(-1, "no QPU", VERMILION)])))

lowest_error = big_number(
    "Lowest two-qubit error",
    "percentunit",
    "The machine whose two-qubit gates fail least often, whether it takes jobs now or not: 1 minus the "
    "median fidelity of its pairs of qubits.",
    now(f"bottomk(1, {NOW.two_qubit_error})", "{{backend}}"),
    text=BigValueTextMode.VALUE_AND_NAME,
).decimals(2)

record_ages = big_number(
    "Age of the records",
    "s",
    "How long ago the machines were characterized last, of those that are in service.",
    now(f"min({NOW.age})", "newest"),
    now(f"max({NOW.age})", "oldest"),
    text=BigValueTextMode.VALUE_AND_NAME,
).decimals(1)

api = ionq_api("What is said here of now is known only while it answers.")


_CHOICE = {
    "backend": "Backend",
    "status": "Status",
    "Value #A": "Estimated success",
    "Value #C": "Two-qubit error",
    "Value #D": "SPAM error",
    "Value #E": "Wait",
    "Value #F": "Qubits",
    "Value #G": "Record's age",
}

choice = (
    grid(
        "Best machine for $gates two-qubit gates on $qubits qubits",
        "Estimated success is (median fidelity of a two-qubit gate) to the power of the number of gates, "
        "times (median fidelity of preparing and reading a qubit) to the power of the number of qubits: how "
        "likely one run is free of errors. It is an estimate to compare machines by: every pair of "
        "qubits counts as the median one, and one-qubit gates, crosstalk, idling and what error mitigation "
        "wins back do not count. Machines with fewer qubits are left out; those that do not take jobs now "
        "come last.",
        rows(CIRCUIT.success),
        rows(CIRCUIT.rank),
        rows(CIRCUIT.of_candidates(NOW.two_qubit_error)),
        rows(CIRCUIT.of_candidates(NOW.error("spam"))),
        rows(CIRCUIT.of_candidates(ALL.wait)),
        rows(CIRCUIT.of_candidates(NOW.qubits)),
        rows(CIRCUIT.of_candidates(NOW.age)),
        rows(CIRCUIT.of_candidates(ALL.status_words)),
        transformations=joined(_CHOICE, sort="Value #B", descending=True, hidden=("Value #B", "Value #H")),
        empty=f"{_NO_RECORD}, or no machine in service is that large",
    )
    .override_by_name("Backend", [_LINKED, setting("custom.minWidth", 180)])
    .override_by_name(
        "Status",
        [
            setting("mappings", by_word(STATES)),
            setting("custom.cellOptions", SOLID),
            setting("custom.width", 130),
        ],
    )
    .override_by_name("Estimated success", [setting("unit", "percentunit"), setting("decimals", 1)])
    .override_by_regexp(".+ error", [setting("unit", "percentunit"), setting("decimals", 2)])
    .override_by_regexp("Wait|Record's age", [setting("unit", "s"), setting("decimals", 1)])
    .override_by_name("Qubits", [setting("custom.width", 80)])
)


def _of_records(panel: timeseries.Panel) -> timeseries.Panel:
    """Draw values that hold until the next record as what they are: steps."""
    return panel.line_interpolation(LineInterpolation.STEP_AFTER).line_width(1)


def _of_each_time(expression: str, legend: str = "{{backend}}") -> prometheus.Dataquery:
    return over_time(HISTORY.while_measured(expression), legend)


_DASHED = setting("custom.lineStyle", {"fill": "dash", "dash": [10, 6]})
_DOTTED = setting("custom.lineStyle", {"fill": "dot", "dash": [1, 5]})

fidelity = (
    _of_records(
        graph(
            "Median fidelity",
            "percentunit",
            "How often an operation goes right, in the median of a machine's qubits or pairs of qubits, for "
            "the operations chosen above: 2q a two-qubit gate, 1q (dashed) a one-qubit gate, spam (dotted) "
            f"preparing and reading a qubit. {_LINES_END}",
            _of_each_time(
                HISTORY.of_each(
                    "ionq_backend_fidelity_ratio", 'operation=~"$operation"', by="backend, operation"
                ),
                "{{backend}}, {{operation}}",
            ),
            empty=_NO_RECORD,
        )
    )
    .decimals(2)
    .override_by_regexp(".+, 1q", [_DASHED])
    .override_by_regexp(".+, spam", [_DOTTED])
)

error = logarithmic(
    _of_records(
        graph(
            "Error of a two-qubit gate",
            "percentunit",
            "How often a two-qubit gate fails, in the median of a machine's pairs of qubits: 1 minus the "
            "fidelity, on a logarithmic scale. Half of it is twice as long a circuit for the same success. "
            f"{_LINES_END}",
            _of_each_time(HISTORY.two_qubit_error),
            empty=_NO_RECORD,
        )
    ).decimals(2),
    "logarithmic",
    base=2,
)

drift = (
    _of_records(
        graph(
            "Two-qubit error against ${before:text} before",
            "percentunit",
            "How much more often a two-qubit gate fails than so long before each point: above 0 the machine "
            "is worse than it was, below 0 better. Twice as many errors are 100 %, half as many -50 %.",
            _of_each_time(HISTORY.drift("$before")),
            empty=f"{_NO_RECORD}, or none so long before",
        )
    )
    .decimals(1)
    .axis_centered_zero(axis_centered_zero=True)
    .override_by_field_type("number", [setting("custom.axisLabel", "worse above 0, better below")])
)

_CHANGES = {
    "backend": "Backend",
    "Value #A": "Error now",
    "Value #B": "1 week",
    "Value #C": "4 weeks",
    "Value #D": "1 year",
}

changes = (
    grid(
        "Two-qubit error now, and its change since",
        "The error of a two-qubit gate now, and how much more often it fails than a week, four weeks and a "
        "year before. Above 0 is worse (orange from 10 % on, red from 25 % on), below 0 better (blue from "
        f"-10 % on). {_LEFT_OUT}",
        rows(NOW.two_qubit_error),
        rows(NOW.drift("1w")),
        rows(NOW.drift("4w")),
        rows(NOW.drift("52w")),
        transformations=joined(_CHANGES, sort="Value #A"),
        empty=_NO_RECORD,
    )
    .override_by_name("Backend", [_LINKED, setting("custom.width", 170)])
    .override_by_name(
        "Error now", [setting("unit", "percentunit"), setting("decimals", 2), setting("custom.width", 90)]
    )
    .override_by_regexp(
        "1 week|4 weeks|1 year",
        [
            setting("custom.minWidth", 70),
            setting("unit", "percentunit"),
            setting("decimals", 1),
            setting("custom.cellOptions", SOLID),
            setting(
                "thresholds",
                levels((-0.1, "transparent"), (0.1, ORANGE), (0.25, VERMILION), base=BLUE).build(),
            ),
        ],
    )
)

_DURATION = "ionq_backend_operation_duration_seconds"
_PAIRS = NOW.of_each("ionq_backend_connected_qubit_pairs")
_MEASURED_QUBITS = NOW.of_each("ionq_backend_characterized_qubits")

_NUMBERS = {
    "backend": ("Backend", ""),
    "Value #A": ("2q error", NOW.error("2q")),
    "Value #B": ("2q ±", NOW.of_each("ionq_backend_fidelity_standard_error_ratio", 'operation="2q"')),
    "Value #C": ("1q error", NOW.error("1q")),
    "Value #D": ("SPAM error", NOW.error("spam")),
    "Value #E": ("2q gate", NOW.of_each(_DURATION, 'operation="2q"')),
    "Value #F": ("1q gate", NOW.of_each(_DURATION, 'operation="1q"')),
    "Value #G": ("Readout", NOW.of_each(_DURATION, 'operation="readout"')),
    "Value #H": ("Reset", NOW.of_each(_DURATION, 'operation="reset"')),
    "Value #I": ("T1", NOW.of_each("ionq_backend_t1_seconds")),
    "Value #J": ("T2", NOW.of_each("ionq_backend_t2_seconds")),
    "Value #K": (
        "Pairs joined",
        f"({_PAIRS})\n/ on (backend) (({_MEASURED_QUBITS}) * (({_MEASURED_QUBITS}) - 1) / 2 > 0)",
    ),
}

numbers = (
    grid(
        "What the current records say",
        "Errors are 1 minus the median fidelity: of a two-qubit gate (± its standard error, where IonQ gives "
        "one), of a one-qubit gate, and of preparing and reading a qubit (SPAM). Then how long a gate, a "
        "readout and a reset take, the coherence times T1 and T2, and which share of all pairs of qubits a "
        f"two-qubit gate can join. {_LEFT_OUT}",
        *(rows(expression) for _, expression in _NUMBERS.values() if expression),
        transformations=joined({name: heading for name, (heading, _) in _NUMBERS.items()}, sort="Value #A"),
        empty=_NO_RECORD,
    )
    .override_by_regexp(".+", [setting("custom.minWidth", 80)])
    .override_by_name("Backend", [_LINKED, setting("custom.width", 180)])
    .override_by_regexp(".+ (error|±)", [setting("unit", "percentunit"), setting("decimals", 2)])
    .override_by_regexp("2q ±|1q error", [setting("decimals", 3)])
    .override_by_regexp(".+ gate|Readout|Reset|T1|T2", [setting("unit", "s")])
    .override_by_name("Pairs joined", [setting("unit", "percentunit"), setting("decimals", 0)])
)

duration = _of_records(
    graph(
        "Duration of a two-qubit gate",
        "s",
        f"How long a two-qubit gate takes. {_LINES_END}",
        _of_each_time(HISTORY.of_each(_DURATION, 'operation="2q"')),
        empty=_NO_RECORD,
    )
)

coherence = _of_records(
    graph(
        "Coherence time T2",
        "s",
        f"How long a qubit keeps its phase. T1, how long it keeps its state, is in the table. {_LINES_END}",
        _of_each_time(HISTORY.of_each("ionq_backend_t2_seconds")),
        empty=_NO_RECORD,
    )
)

_INFO = NOW.of_each("ionq_backend_characterization_record_info", by="backend, characterization_id")

_RECORD = {
    "backend": "Backend",
    "Value #A": "Made",
    "Value #B": "Age",
    "Value #C": "Named by IonQ",
    "characterization_id": "Characterization",
}

records = (
    grid(
        "Records",
        "The characterization that each machine's numbers are from, the newest first. Not yet means that "
        "IonQ's list names another one by now, or none that could be read: the numbers are from the one "
        f"before. {_LEFT_OUT}",
        rows(f"1000 * {NOW.date}"),
        rows(NOW.age),
        rows(NOW.of_each("ionq_backend_characterization_current")),
        rows(f"topk by (backend) (1, {_INFO})"),
        transformations=joined(_RECORD, sort="Value #B", hidden=("Value #D",)),
        empty=_NO_RECORD,
    )
    .override_by_name("Backend", [_LINKED, setting("custom.width", 180)])
    .override_by_name("Made", [setting("unit", "dateTimeAsIso"), setting("custom.width", 180)])
    .override_by_name("Age", [setting("unit", "s"), setting("decimals", 1), setting("custom.width", 120)])
    .override_by_name(
        "Named by IonQ",
        [
            setting("mappings", by_number([State(1, "yes", "transparent"), State(0, "not yet", ORANGE)])),
            setting("custom.width", 130),
            setting("custom.cellOptions", SOLID),
        ],
    )
    .override_by_name("Characterization", [setting("custom.minWidth", 300)])
)

# More of them than a quarter holds would hide the lines.
_NEW_RECORD = f"1000 * {HISTORY.date}\nand on () vector($__range_s) <= 100 * 86400"

PAGE = Page(
    uid="ionq-fidelity",
    title="IonQ / Fidelity",
    description="How good IonQ's machines are: which suits a circuit, and how they change over the years.",
    time_from="now-1y",
    keep_time=False,
    variables=(
        controls.data_source(),
        controls.any_job(),
        controls.instance(),
        controls.location("ionq_backend_fidelity_ratio"),
        controls.backends("ionq_backend_fidelity_ratio"),
        controls.number("gates", "Two-qubit gates", 100, "How many two-qubit gates the circuit has"),
        controls.number("qubits", "Qubits", 10, "How many qubits the circuit uses"),
        controls.several("operation", "Operation", ("2q", "1q", "spam")),
        controls.choice("before", "Compare with", {"1 week": "1w", "4 weeks": "4w", "1 year": "52w"}),
    ),
    annotations=(
        controls.event(
            "New records (up to 100 days)",
            _NEW_RECORD,
            colour=PURPLE,
            title="{{backend}}",
            text="was characterized",
            at_value=True,
        ),
        controls.alerts(
            'alertstate="firing", alertname=~"IonQBackend(Degraded|FidelityLow|CharacterizationOld)", '
            'backend=~"$backend"',
            VERMILION,
        ),
    ),
    rows=(
        Row("", 4, ((best_machine, 9), (lowest_error, 6), (record_ages, 5), (api, 4))),
        Row("", 7, ((choice, 24),)),
        Row("", 12, ((fidelity, 12), (error, 12))),
        Row("", 10, ((drift, 13), (changes, 11))),
        Row("", 7, ((numbers, 24),)),
        Row("", 10, ((duration, 12), (coherence, 12))),
        Row("", 7, ((records, 24),)),
    ),
)
