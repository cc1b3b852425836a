"""HTTP in: responds to Prometheus, browsers and probes."""
