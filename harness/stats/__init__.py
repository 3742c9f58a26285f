"""Statistics: arrays in, an estimate out. Imports nothing else of this project but the histogram."""
