"""HTTP out: reads IonQ's API."""
