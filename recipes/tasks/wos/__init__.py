"""Dialogue state tracking."""
