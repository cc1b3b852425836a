"""Looks for inputs that nobody thought of: ``make fuzz``."""

MACHINE = "qpu.harmony"
"""Whose characterizations are fed: the simulator's with the fewest pairs of qubits has the shortest."""
