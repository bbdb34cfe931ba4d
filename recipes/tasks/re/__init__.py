"""Relation extraction."""
