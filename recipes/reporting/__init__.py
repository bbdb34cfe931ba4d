"""The implementation of ``recipes.report``: tables and an HTML page from finished runs."""
