"""Workloads with a known fault. They only check the diagnosis."""
