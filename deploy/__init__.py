"""What is deployed beside the exporter: the drill with it, and what generates files for Kubernetes."""
