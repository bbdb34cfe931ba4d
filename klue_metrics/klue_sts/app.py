from klue_metrics.space import launch

launch("sts", "klue_sts")
