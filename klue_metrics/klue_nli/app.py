from klue_metrics.space import launch

launch("nli", "klue_nli")
