"""What the conformance suite calls, by subject."""
