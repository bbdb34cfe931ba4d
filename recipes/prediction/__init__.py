"""Prediction from the command line: files of raw text, and typed lines."""
