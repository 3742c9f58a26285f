"""The built-in workloads, one file each, with all variants side by side. Discovery finds every file in this folder."""
