"""Hundreds of thousands of scrapes, faults among them, to see that nothing is leaked."""
