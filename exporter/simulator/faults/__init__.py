"""The faults that a drill can inject."""
