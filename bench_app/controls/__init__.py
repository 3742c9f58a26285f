"""Workloads whose comparison is known beforehand: they check the instrument, and are measured for nothing else."""
