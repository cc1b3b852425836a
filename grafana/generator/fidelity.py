"""How good the backends are: which one suits a circuit, and how errors change over the years."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models.common import BigValueTextMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana.generator import annotations, promql, variables
from grafana.generator.api_status import api_status
from grafana.generator.characterizations import (
    DATE,
    DURATION,
    FIDELITY,
    candidates,
    error_change,
    history,
    lately_in_service,
    latest,
    latest_error,
    past,
    past_error,
    success,
    time_to_result,
)
from grafana.generator.dashboard import Dashboard, Row
from grafana.generator.links import backend_link
from grafana.generator.panels import (
    COLOURED_CELL,
    TIME_UNIT,
    history_graph,
    instant_query,
    range_query,
    setting,
    stat_panel,
    status_column,
    table_panel,
    table_query,
    threshold_timeline,
    thresholds,
)
from grafana.generator.promql import MEMORY, SELECTED, SELECTED_OR_NONE, only_available, or_no_qpu
from grafana.generator.states import (
    AMBER,
    BLUE,
    LIGHT_GREY,
    NO_QPU,
    ORANGE,
    PURPLE,
    VERMILION,
    State,
    number_mappings,
)

_NO_DATA = "Nothing is known: IonQ does not respond, no exporter is scraped, or no characterization was read"
_LAST_KNOWN = f"While IonQ does not respond, it shows for {MEMORY.strip('h')} hours what was last known."
_LINES_END = "A line ends 90 days after the backend's last characterization."
_CHANGE = (
    "The median error of the last seven days against that of an earlier week, since characterizations "
    "scatter from day to day. Above 0 is worse. Blue is better by 10 % or more, orange worse by 10 % or "
    "more, red worse by 25 % or more."
)
_CHANGE_COLOURS = thresholds((-0.1, "transparent"), (0.1, AMBER), (0.25, VERMILION), base=BLUE)

_LINK = setting("links", [backend_link(keep_time=False)])


def _or_no_qpu(expression: str) -> str:
    return or_no_qpu(expression, "for this circuit", needs=FIDELITY)


likeliest_success = (
    stat_panel(
        "Likeliest success now",
        "percentunit",
        "The available QPU that would most likely run a circuit of $gates two-qubit gates on $qubits qubits "
        "without an error. The table says how this is estimated.",
        instant_query(
            _or_no_qpu(f"topk(1, {only_available(success())})"),
            "{{backend}}",
        ),
        colours=thresholds((0, BLUE)),
        text=BigValueTextMode.VALUE_AND_NAME,
    )
    .mappings(number_mappings(NO_QPU))
    .decimals(1)
)

soonest_result = (
    stat_panel(
        "Soonest result now",
        TIME_UNIT,
        "The available QPU that would finish $shots runs of the circuit first: its wait and the running "
        "time. The table says how this is estimated, and how likely a run succeeds there.",
        instant_query(
            _or_no_qpu(f"bottomk(1, {time_to_result()})"),
            "{{backend}}",
        ),
        colours=thresholds((0, BLUE)),
        text=BigValueTextMode.VALUE_AND_NAME,
    )
    .mappings(number_mappings(NO_QPU))
    .decimals(1)
)

ages = stat_panel(
    "Age of the characterizations",
    TIME_UNIT,
    f"How old the latest characterizations of the backends in service are. {_LAST_KNOWN}",
    instant_query(f"1000 * (time() - max({lately_in_service(latest(DATE))}))", "newest"),
    instant_query(f"1000 * (time() - min({lately_in_service(latest(DATE))}))", "oldest"),
    text=BigValueTextMode.VALUE_AND_NAME,
).decimals(1)


def _bar(colour: str, unit: str) -> list[DynamicConfigValue]:
    return [
        setting("custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}),
        setting("color", {"mode": "fixed", "fixedColor": colour}),
        setting("custom.minWidth", 220),
        setting("unit", unit),
        setting("decimals", 1),
        setting("min", 0),
    ]


success_and_time = (
    table_panel(
        "Success against time to result: $shots runs of $gates two-qubit gates on $qubits qubits",
        "Success is the median fidelity of a two-qubit gate to the power of the number of gates, times the "
        "median fidelity of preparing and reading a qubit (SPAM) to the power of the number of qubits: how "
        "likely one run is free of errors. Time to result is the wait, and the duration of all two-qubit "
        "gates of all runs, one after another; its bar ends at 30 days. Both are estimates to compare "
        "backends by: one-qubit gates, crosstalk, idling and error mitigation do not count. Backends with "
        "fewer qubits are left out; those that do not take jobs now come last, without a time. "
        f"{_LAST_KNOWN}",
        {
            "backend": "Backend",
            "status": "Status",
            "Value #A": "Success",
            "Value #B": "Time to result",
            "Value #C": "",
            "Value #D": "",
        },
        table_query(success()),
        table_query(time_to_result()),
        table_query(candidates(promql.status_word(SELECTED))),
        table_query(candidates(promql.available(SELECTED))),
        sort=("-Value #D", "-Value #A"),
        required="Value #A",
        empty=f"{_NO_DATA}, or no backend in service is that large",
    )
    .override_by_name("Backend", [_LINK, setting("custom.width", 170)])
    .override_by_name(
        "Status",
        [*status_column(), setting("custom.width", 235)],
    )
    .override_by_name("Success", [*_bar(BLUE, "percentunit"), setting("max", 1)])
    .override_by_name("Time to result", [*_bar(ORANGE, TIME_UNIT), setting("max", 30 * 86_400_000)])
)


def _error_graph(title: str, operation: str, failure: str) -> timeseries.Panel:
    return history_graph(
        title,
        "percentunit",
        f"How often {failure}: 1 minus the median fidelity; of that, the median of the seven days before "
        f"each point, since characterizations scatter from day to day. {_LINES_END}",
        range_query(past_error(operation), "{{backend}}"),
        empty=_NO_DATA,
    )


two_qubit_error = _error_graph("Two-qubit error", "2q", "a two-qubit gate fails")
one_qubit_error = _error_graph("One-qubit error", "1q", "a one-qubit gate fails")
spam_error = _error_graph("SPAM error", "spam", "preparing and reading a qubit fails")

error_changes = (
    table_panel(
        "Two-qubit error now, and its change",
        "The error by the latest characterization, then its change since a week, four weeks and a year "
        f"before. {_CHANGE} Retired backends are left out. {_LAST_KNOWN}",
        {
            "backend": "Backend",
            "Value #A": "Error now",
            "Value #B": "1 week",
            "Value #C": "4 weeks",
            "Value #D": "1 year",
        },
        table_query(lately_in_service(latest_error("2q"))),
        *(table_query(lately_in_service(error_change(before))) for before in ("1w", "4w", "52w")),
        sort=("Value #A",),
        empty=_NO_DATA,
    )
    .override_by_name("Backend", [_LINK, setting("custom.width", 170)])
    .override_by_regexp(
        "Error now|1 .+|4 .+", [setting("unit", "percentunit"), setting("custom.minWidth", 80)]
    )
    .override_by_name("Error now", [setting("decimals", 2)])
    .override_by_regexp(
        "1 .+|4 .+",
        [
            setting("decimals", 1),
            setting("custom.cellOptions", COLOURED_CELL),
            setting("thresholds", _CHANGE_COLOURS.build()),
        ],
    )
)

error_changes_over_time = threshold_timeline(
    "Two-qubit error against four weeks before",
    "percentunit",
    f"{_CHANGE} {_LINES_END}",
    thresholds((-0.1, LIGHT_GREY), (0.1, AMBER), (0.25, VERMILION), base=BLUE),
    range_query(history(error_change("4w")), "{{backend}}"),
    empty=f"{_NO_DATA}, or none four weeks before",
)

# Unlike the unit s, it stays seconds: T1 of a hundred beside T2 of one.
_SECONDS = "suffix: s"

latest_characterizations = (
    table_panel(
        "Latest characterizations",
        "The numbers of each backend's latest characterization, the newest first. Errors are 1 minus the "
        "median fidelity. Up to date says whether these numbers are from the characterization that IonQ's "
        "list names; if not, the exporter could not read that one yet. IonQ gives the same durations, T1 "
        f"and T2 for long times: they are nominal. Retired backends are left out. {_LAST_KNOWN}",
        {
            "backend": "Backend",
            "Value #A": "Date",
            "Value #B": "Up to date",
            "Value #C": "2q error",
            "Value #D": "1q error",
            "Value #E": "SPAM error",
            "Value #F": "2q gate",
            "Value #G": "1q gate",
            "Value #H": "Readout",
            "Value #I": "Reset",
            "Value #J": "T1",
            "Value #K": "T2",
        },
        table_query(f"1000 * {lately_in_service(latest(DATE))}"),
        *(
            table_query(lately_in_service(expression))
            for expression in (
                latest("ionq_backend_characterization_current"),
                *(latest_error(operation) for operation in ("2q", "1q", "spam")),
                *(
                    latest(DURATION, f'operation="{operation}", {SELECTED}')
                    for operation in ("2q", "1q", "readout", "reset")
                ),
                latest("ionq_backend_t1_seconds"),
                latest("ionq_backend_t2_seconds"),
            )
        ),
        sort=("-Value #A", "backend"),
        empty=_NO_DATA,
    )
    .override_by_regexp(".+", [setting("custom.minWidth", 64)])
    .override_by_name("Backend", [_LINK, setting("custom.width", 170)])
    .override_by_name("Date", [setting("unit", "dateTimeAsIso"), setting("custom.width", 160)])
    .override_by_name(
        "Up to date",
        [
            setting("mappings", number_mappings(State(1, "yes", "transparent"), State(0, "not yet", AMBER))),
            setting("custom.cellOptions", COLOURED_CELL),
            setting("custom.width", 92),
        ],
    )
    .override_by_name("SPAM error", [setting("custom.width", 92)])
    .override_by_regexp(".+ error", [setting("unit", "percentunit"), setting("decimals", 2)])
    .override_by_name("1q error", [setting("decimals", 3)])
    .override_by_regexp(".+ gate|Readout|Reset", [setting("unit", "s")])
    .override_by_regexp("T1|T2", [setting("unit", _SECONDS)])
    .override_by_name("T1", [setting("decimals", 0)])
    .override_by_name("T2", [setting("decimals", 2)])
)

# More of them than 100 days have would hide the lines.
_NEW_CHARACTERIZATIONS = f"1000 * {past(DATE)}\nand on () vector($__range_s) <= 100 * 86400"

DASHBOARD = Dashboard(
    uid="ionq-fidelity",
    title="IonQ / Fidelity",
    description="How good IonQ's backends are: which suits a circuit, and how errors change over the years.",
    time_from="now-1y",
    variables=(
        variables.data_source(),
        variables.backends("ionq_backend_fidelity_ratio"),
        variables.number("gates", "Two-qubit gates", 100, "How many two-qubit gates the circuit has"),
        variables.number("qubits", "Qubits", 10, "How many qubits the circuit uses"),
        variables.number("shots", "Runs", 1000, "How many times the circuit runs (shots)"),
    ),
    annotations=(
        annotations.event(
            "New characterizations (up to 100 days)",
            _NEW_CHARACTERIZATIONS,
            colour=PURPLE,
            title="{{backend}}",
            text="was characterized",
            at_value=True,
        ),
        annotations.firing_alerts(
            'alertname=~"IonQBackend(Degraded|FidelityLow|CharacterizationOld)", ' + SELECTED
        ),
        *annotations.status_page(SELECTED_OR_NONE),
    ),
    rows=(
        Row(4, ((likeliest_success, 8), (soonest_result, 8), (ages, 5), (api_status(), 3))),
        Row(7, ((success_and_time, 24),)),
        Row(10, ((two_qubit_error, 14), (error_changes, 10))),
        Row(8, ((error_changes_over_time, 24),)),
        Row(9, ((one_qubit_error, 12), (spam_error, 12))),
        Row(7, ((latest_characterizations, 24),)),
    ),
)
