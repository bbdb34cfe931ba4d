"""The implementation of ``recipes.report``: from finished runs to tables and an HTML page."""
