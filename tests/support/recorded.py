"""IonQ's recorded response of 2026-08-10 to ``GET /v0.4/backends``, and a characterization of each QPU.

The names in the ``supported_`` arrays are plausible, not recorded. The characterizations are made of recorded
values, placeholders and gaps.
"""

import json
from typing import Any

_GATES = ["x", "y", "z", "h", "s", "si", "t", "ti", "v", "vi", "rx", "ry", "rz", "not", "cnot", "swap"]


def _qpu(name: str, status: str, qubits: int, updated: str, characterization_id: str) -> dict[str, Any]:
    return {
        "backend": name,
        "status": status,
        "degraded": False,
        "qubits": qubits,
        "average_queue_time": 0,
        "last_updated": f"2026-08-10T{updated}Z",
        "characterization_id": characterization_id,
        "supported_gates": _GATES,
        "supported_native_gates": ["gpi", "gpi2", "zz" if "forte" in name else "ms"],
        "supported_error_mitigations": ["debiasing"],
    }


_NOW = "19:25:54"
BACKENDS: list[dict[str, Any]] = [
    _qpu("qpu.harmony", "retired", 11, _NOW, "8263d27f-09f1-4d23-a25b-e3ae6024919b"),
    _qpu("qpu.aria-1", "retired", 25, _NOW, "2778110d-5385-4c30-a6fb-38692cd55cba"),
    _qpu("qpu.aria-2", "retired", 25, _NOW, "f23455cf-36e2-40fa-9dfe-1b478ee55590"),
    _qpu("qpu.forte-1", "unavailable", 36, "19:15:34", "ad2337ab-d0a3-4e92-94a3-fa39b85fe2d6"),
    _qpu("qpu.forte-enterprise-1", "available", 36, "19:15:35", "77fd2bc9-017a-49b8-b54a-b81f6b304692")
    | {"kw": 4.60881},
    {
        "backend": "simulator",
        "status": "available",
        "degraded": False,
        "qubits": 29,
        "average_queue_time": 0,
        "last_updated": f"2026-08-10T{_NOW}Z",
        "supported_gates": _GATES,
        "supported_native_gates": ["gpi", "gpi2", "ms", "zz"],
        "supported_error_mitigations": [],
        "noise_models": ["ideal", "harmony", "aria-1", "aria-2", "forte-1", "forte-enterprise-1"],
    },
]
BODY = json.dumps(BACKENDS).encode()

_MEASURED: dict[str, dict[str, Any]] = {
    "qpu.harmony": {"date": "2024-08-28", "timing": {"t1": 10000}},
    "qpu.aria-1": {"date": "2026-02-19", "fidelity": {"spam": None, "1q": 0.47450000000000003, "2q": None}},
    "qpu.aria-2": {"date": "2026-02-19", "fidelity": {"spam": 0.5, "1q": 0.501, "2q": 0.7913}},
    "qpu.forte-1": {
        "date": "2026-08-10",
        "fidelity": {"spam": 0.9962, "1q": 0.9998, "2q": 0.9952},
        "timing": {"readout": 0.00015, "reset": 5e-05, "1q": 0.00013, "2q": 0.00097, "t1": 100, "t2": 1},
    },
    "qpu.forte-enterprise-1": {
        "date": "2026-08-10",
        "fidelity": {"spam": 0.9962, "1q": 0.9997, "2q": 0.9909},
        "timing": {"t1": 188, "t2": 0.95},
    },
}


def characterizations(backend: str) -> bytes:
    """Return the body of a response about a backend, with its newest characterization."""
    row = next(row for row in BACKENDS if row["backend"] == backend)
    measured = _MEASURED[backend]
    fidelity = {
        operation: {"median": median} if operation == "spam" else {"median": median, "stderr": 0}
        for operation, median in measured.get("fidelity", {}).items()
    }
    newest = {
        "id": row["characterization_id"],
        "date": f"{measured['date']}T00:00:00Z",
        "backend": backend,
        "qubits": row["qubits"],
        "fidelity": fidelity or None,
        "timing": measured.get("timing"),
    }
    return json.dumps({"characterizations": [newest], "pages": 9}).encode()
