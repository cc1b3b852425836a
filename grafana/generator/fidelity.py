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
from grafana.generator.records import REMEMBERED, Circuit, Records
from grafana.generator.states import (
    AMBER,
    BELOW_SPECIFICATION,
    BLUE,
    PURPLE,
    STATES,
    UNREACHABLE,
    VERMILION,
    State,
    by_number,
    by_word,
)

ALL = Backends(f'{EXPORTERS}, location=~"$location", backend=~"$backend"')
KNOWN = Records.last_known(ALL)
HISTORY = KNOWN.history
CIRCUIT = Circuit(KNOWN, ALL, gates="$gates", qubits="$qubits")

_NO_RECORD = (
    "Nothing is known: IonQ does not answer, no exporter is scraped, or no characterization has been read"
)
_LAST_KNOWN = (
    f"While IonQ does not answer, it is what was last known, for up to {REMEMBERED.strip('h')} hours."
)
_LEFT_OUT = f"Machines that are retired, or without a characterization, are left out. {_LAST_KNOWN}"
_LINES_END = "A line ends when the machine retires, or 90 days after its last characterization."

_LINKED = setting("links", [to_backend(keep_time=False)])

best_machine = (
    big_number(
        "Best machine for this circuit",
        "percentunit",
        "The machine that takes jobs now and would most likely run a circuit of $gates two-qubit gates on "
        "$qubits qubits without an error, and its wait: the first row of the table, which tells how this is "
        "estimated, and which others are nearly as good and less in demand.",
        now(
            f"{CIRCUIT.best}\n"
            f"or on () label_replace(-({API_UP} == 1) and on () count({KNOWN.date}), "
            '"backend", "for this circuit", "", "")',
            "{{backend}}",
        ),
        now(f"({ALL.wait})\nand on (backend) {CIRCUIT.best}", "its wait"),
        text=BigValueTextMode.VALUE_AND_NAME,
    )
    .mappings(list(by_number([State(-1, "no QPU", VERMILION)])))
    .decimals(1)
    .override_by_name("its wait", [setting("unit", "s")])
)

lowest_error = big_number(
    "Lowest two-qubit error",
    "percentunit",
    "The machine whose two-qubit gates fail least often, whether it takes jobs now or not: 1 minus the "
    f"median fidelity of its pairs of qubits. {_LAST_KNOWN}",
    now(f"bottomk(1, {KNOWN.two_qubit_error})", "{{backend}}"),
    text=BigValueTextMode.VALUE_AND_NAME,
).decimals(2)

record_ages = big_number(
    "Age of the records",
    "s",
    "How long ago the machines were characterized last, of those that are in service.",
    now(f"min({KNOWN.age})", "newest"),
    now(f"max({KNOWN.age})", "oldest"),
    text=BigValueTextMode.VALUE_AND_NAME,
).decimals(1)

api = ionq_api("Status and wait are known only while it answers; a record is true for days.")

_STATUS = (
    f"{CIRCUIT.of_candidates(ALL.condition_words)}\n"
    f"or on (backend) label_replace(group by (backend) ({CIRCUIT.candidates}) and on () {API_UP} == 0, "
    f'"status", "{UNREACHABLE.text}", "", "")'
)

_CHOICE = {
    "backend": "Backend",
    "status": "Status",
    "Value #A": "Estimated success",
    "Value #E": "Wait",
    "Value #C": "2q error",
    "Value #D": "SPAM error",
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
        f"come last. {_LAST_KNOWN} Status and wait are of now.",
        rows(CIRCUIT.success),
        rows(CIRCUIT.rank),
        rows(CIRCUIT.of_candidates(KNOWN.two_qubit_error)),
        rows(CIRCUIT.of_candidates(KNOWN.error("spam"))),
        rows(CIRCUIT.of_candidates(ALL.wait)),
        rows(CIRCUIT.of_candidates(KNOWN.qubits)),
        rows(CIRCUIT.of_candidates(KNOWN.age)),
        rows(_STATUS),
        transformations=joined(_CHOICE, sort="Value #B", descending=True, hidden=("Value #B", "Value #H")),
        empty=f"{_NO_RECORD}, or no machine in service is that large",
    )
    .override_by_name("Backend", [_LINKED, setting("custom.width", 170)])
    .override_by_name(
        "Status",
        [
            setting("mappings", by_word((*STATES, BELOW_SPECIFICATION, UNREACHABLE))),
            setting("custom.cellOptions", SOLID),
            setting("custom.width", 145),
        ],
    )
    .override_by_name(
        "Estimated success",
        [setting("unit", "percentunit"), setting("decimals", 1), setting("custom.width", 140)],
    )
    .override_by_regexp(".+ error", [setting("unit", "percentunit"), setting("decimals", 2)])
    .override_by_regexp("Wait|Record's age", [setting("unit", "s"), setting("decimals", 1)])
    .override_by_regexp("2q error|SPAM error|Wait|Record's age", [setting("custom.minWidth", 100)])
    .override_by_name("Qubits", [setting("custom.width", 62)])
)


def _of_records(panel: timeseries.Panel) -> timeseries.Panel:
    """Draw values that hold until the next record as what they are: steps."""
    return panel.line_interpolation(LineInterpolation.STEP_AFTER).line_width(1)


def _of_each_time(expression: str, legend: str = "{{backend}}") -> prometheus.Dataquery:
    return over_time(HISTORY.while_measured(expression), legend)


error = logarithmic(
    _of_records(
        graph(
            "Error of a two-qubit gate",
            "percent",
            "How often a two-qubit gate fails, in the median of a machine's pairs of qubits: 1 minus the "
            "fidelity, on a logarithmic scale. With half of it, a circuit of twice as many gates has the "
            f"same success. {_LINES_END}",
            # In percent rather than as a ratio, so that the axis is labelled 0.25, 0.5 and 1 %.
            _of_each_time(f"100 * ({HISTORY.two_qubit_error})"),
            calcs=(),
            empty=_NO_RECORD,
        )
    ).decimals(2),
    "logarithmic",
    base=2,
    has_grid=True,
)


def _fidelity(operation: str, name: str, description: str) -> timeseries.Panel:
    panel = graph(
        f"Fidelity, {name}",
        "percentunit",
        f"How often {description}, as IonQ gives it. {_LINES_END}",
        _of_each_time(HISTORY.fidelity(operation)),
        calcs=(),
        empty=_NO_RECORD,
    )
    return _of_records(panel).decimals(2)


two_qubit = _fidelity(
    "2q", "two-qubit gate", "a two-qubit gate goes right, in the median of a machine's pairs of qubits"
)
one_qubit = _fidelity(
    "1q", "one-qubit gate", "a one-qubit gate goes right, in the median of a machine's qubits"
).decimals(3)
spam = _fidelity(
    "spam", "SPAM", "preparing and reading a qubit goes right, in the median of a machine's qubits"
)

drift = (
    _of_records(
        graph(
            "Two-qubit error against ${before:text} before",
            "percentunit",
            "How much more often a two-qubit gate fails than so long before each point: above 0 the machine "
            "is worse than it was, below 0 better. Twice as many errors are 100 %, half as many -50 %.",
            _of_each_time(HISTORY.drift("$before")),
            calcs=(),
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
        rows(KNOWN.two_qubit_error),
        rows(KNOWN.drift("1w")),
        rows(KNOWN.drift("4w")),
        rows(KNOWN.drift("52w")),
        transformations=joined(_CHANGES, sort="Value #A"),
        empty=_NO_RECORD,
    )
    .override_by_name("Backend", [_LINKED, setting("custom.width", 170)])
    .override_by_name(
        "Error now", [setting("unit", "percentunit"), setting("decimals", 2), setting("custom.width", 82)]
    )
    .override_by_regexp(
        "1 week|4 weeks|1 year",
        [
            setting("custom.minWidth", 64),
            setting("unit", "percentunit"),
            setting("decimals", 1),
            setting("custom.cellOptions", SOLID),
            setting(
                "thresholds",
                levels((-0.1, "transparent"), (0.1, AMBER), (0.25, VERMILION), base=BLUE).build(),
            ),
        ],
    )
)

# Unlike the unit s, it stays seconds: T1 of a hundred beside T2 of one.
_SECONDS = "suffix: s"
_DURATION = "ionq_backend_operation_duration_seconds"
_PAIRS = KNOWN.of_each("ionq_backend_connected_qubit_pairs")
_MEASURED_QUBITS = KNOWN.of_each("ionq_backend_characterized_qubits")

_NUMBERS = {
    "backend": ("Backend", ""),
    "Value #A": ("2q error", KNOWN.error("2q")),
    "Value #B": ("2q ±", KNOWN.of_each("ionq_backend_fidelity_standard_error_ratio", 'operation="2q"')),
    "Value #C": ("1q error", KNOWN.error("1q")),
    "Value #D": ("SPAM error", KNOWN.error("spam")),
    "Value #E": ("2q gate", KNOWN.of_each(_DURATION, 'operation="2q"')),
    "Value #F": ("1q gate", KNOWN.of_each(_DURATION, 'operation="1q"')),
    "Value #G": ("Readout", KNOWN.of_each(_DURATION, 'operation="readout"')),
    "Value #H": ("Reset", KNOWN.of_each(_DURATION, 'operation="reset"')),
    "Value #I": ("T1", KNOWN.of_each("ionq_backend_t1_seconds")),
    "Value #J": ("T2", KNOWN.of_each("ionq_backend_t2_seconds")),
    "Value #K": (
        "Pairs",
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
    .override_by_regexp(".+", [setting("custom.minWidth", 64)])
    .override_by_name("Backend", [_LINKED, setting("custom.width", 170)])
    .override_by_name("SPAM error", [setting("custom.width", 92)])
    .override_by_regexp(".+ (error|±)", [setting("unit", "percentunit"), setting("decimals", 2)])
    .override_by_regexp("2q ±|1q error", [setting("decimals", 3)])
    .override_by_regexp(".+ gate|Readout|Reset", [setting("unit", "s")])
    .override_by_regexp("T1|T2", [setting("unit", _SECONDS)])
    .override_by_name("T1", [setting("decimals", 0)])
    .override_by_name("T2", [setting("decimals", 2)])
    .override_by_name("Pairs", [setting("unit", "percentunit"), setting("decimals", 0)])
)

duration = _of_records(
    graph(
        "Duration of a two-qubit gate",
        "s",
        f"How long a two-qubit gate takes. {_LINES_END}",
        _of_each_time(HISTORY.of_each(_DURATION, 'operation="2q"')),
        calcs=(),
        empty=_NO_RECORD,
    )
)

coherence = _of_records(
    graph(
        "Coherence time T2",
        _SECONDS,
        f"How long a qubit keeps its phase. T1, how long it keeps its state, is in the table. {_LINES_END}",
        _of_each_time(HISTORY.of_each("ionq_backend_t2_seconds")),
        calcs=(),
        empty=_NO_RECORD,
    )
).decimals(2)

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
        rows(f"1000 * {KNOWN.date}"),
        rows(KNOWN.age),
        rows(KNOWN.of_each("ionq_backend_characterization_current")),
        rows(KNOWN.identities),
        transformations=joined(_RECORD, sort="Value #B", hidden=("Value #D",)),
        empty=_NO_RECORD,
    )
    .override_by_name("Backend", [_LINKED, setting("custom.width", 180)])
    .override_by_name("Made", [setting("unit", "dateTimeAsIso"), setting("custom.width", 170)])
    .override_by_name("Age", [setting("unit", "s"), setting("decimals", 1), setting("custom.width", 100)])
    .override_by_name(
        "Named by IonQ",
        [
            setting("mappings", by_number([State(1, "yes", "transparent"), State(0, "not yet", AMBER)])),
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
    variables=(
        controls.data_source(),
        controls.any_job(),
        controls.instance(),
        controls.location("ionq_backend_fidelity_ratio"),
        controls.backends("ionq_backend_fidelity_ratio"),
        controls.number("gates", "Two-qubit gates", 100, "How many two-qubit gates the circuit has"),
        controls.number("qubits", "Qubits", 10, "How many qubits the circuit uses"),
        controls.choice(
            "before", "Compare with", {"1 week": "1w", "4 weeks": "4w", "1 year": "52w"}, chosen="4 weeks"
        ),
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
        Row("", 9, ((error, 12), (changes, 12))),
        Row("", 9, ((drift, 24),)),
        Row("", 10, ((two_qubit, 8), (one_qubit, 8), (spam, 8))),
        Row("", 7, ((numbers, 24),)),
        Row("", 9, ((duration, 12), (coherence, 12))),
        Row("", 7, ((records, 24),)),
    ),
)
