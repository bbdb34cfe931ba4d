"""The shared parts of a run: arguments, data, models, training, evaluation, results, cards."""
