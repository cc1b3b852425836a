"""The rehearsal: simulated outages, told by a real Prometheus and Alertmanager with the shipped rules."""
