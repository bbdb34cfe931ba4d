"""Prediction from the command line, for files of raw text and typed lines."""
