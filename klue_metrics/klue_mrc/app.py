from klue_metrics.space import launch

launch("mrc", "klue_mrc")
