from klue_metrics.space import launch

launch("dp", "klue_dp")
