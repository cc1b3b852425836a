"""What is exposed: definitions, encoding and content negotiation."""
