"""Years of characterizations on the first day: read from IonQ, written for Prometheus."""
