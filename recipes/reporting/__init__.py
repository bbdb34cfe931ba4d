"""What ``python -m recipes.report`` is made of: finished runs in, tables and one HTML page out."""
