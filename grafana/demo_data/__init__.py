"""Two weeks of what two exporters would have exposed, and what a backfill adds of the years before them."""
