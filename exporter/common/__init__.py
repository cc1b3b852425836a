"""What every layer may use, and nothing about IonQ's data."""
