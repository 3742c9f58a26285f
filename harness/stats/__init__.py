"""Statistics: arrays in, an estimate out. Imports nothing of ours but the histogram."""
