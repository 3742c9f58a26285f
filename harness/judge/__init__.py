"""What a recorded run means: cells, comparisons, guards, verdicts. Pure: reads records, starts nothing."""
