"""The drill: changes to the fleet and faults of the API, made on request."""
