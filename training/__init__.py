"""From articles with quotes to a checkpoint: prepare, fit, report."""
