"""Measures the exporter beside blackbox_exporter, in one interleaved run on loopback."""
