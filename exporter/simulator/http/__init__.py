"""HTTP/1.1 at a level low enough to break its rules."""
