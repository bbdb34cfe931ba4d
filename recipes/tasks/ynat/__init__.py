"""Topic classification."""
