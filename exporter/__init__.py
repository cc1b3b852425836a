"""Prometheus exporter for IonQ's quantum cloud."""

__version__ = "0.1.0"
