"""The machine: its facts, its cores, and which process gets which."""
