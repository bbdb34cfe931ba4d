"""Planning, launching and collecting many runs, for ``run_all`` and ``sweep``."""
