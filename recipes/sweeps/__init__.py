"""Many runs: what there is to run, who runs it, and what came of it. Used by ``run_all`` and ``sweep``."""
