"""Workloads with a fault that is known beforehand: they check the diagnosis, and are measured for nothing else."""
