"""One file for each verb of `bench.py`, of the verb's name. Nothing imports from here."""
