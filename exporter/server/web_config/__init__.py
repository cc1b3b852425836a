"""``--web.config.file``: TLS, passwords, headers and a rate limit, in exporter-toolkit's format.

Nothing here is imported unless the flag is given.
"""
