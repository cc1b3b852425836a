"""Two weeks of what two exporters would have exposed, lived by the simulator and stored for Prometheus."""
