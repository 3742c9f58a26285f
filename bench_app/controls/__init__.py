"""Workloads whose comparison has a known result. They only check the instrument."""
