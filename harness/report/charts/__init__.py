"""The charts of a run's page: one file a chart, each found by `harness.report.chart_rule.discover`."""
