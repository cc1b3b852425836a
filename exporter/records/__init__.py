"""Untrusted JSON to frozen records. Pure: no I/O."""
