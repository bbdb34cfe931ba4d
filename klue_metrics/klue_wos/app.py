from klue_metrics.space import launch

launch("wos", "klue_wos")
