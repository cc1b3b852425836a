"""HTTP in: answers Prometheus, people and probes."""
