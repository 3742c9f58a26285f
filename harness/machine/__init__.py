"""The machine: its facts, its cores, and which process runs on which core."""
