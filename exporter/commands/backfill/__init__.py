"""``ionq-exporter backfill``: past characterizations from IonQ, as a file for Prometheus."""
