"""The implementation of ``python -m recipes.report``: from finished runs to tables and an HTML page."""
