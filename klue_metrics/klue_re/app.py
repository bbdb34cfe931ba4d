from klue_metrics.space import launch

launch("re", "klue_re")
