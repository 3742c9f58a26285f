"""One file a workload, all its variants side by side, the trap included. A file put here is found by discovery."""
