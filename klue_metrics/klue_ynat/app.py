from klue_metrics.space import launch

launch("ynat", "klue_ynat")
