"""How a run is conducted and judged. Runs in the command line's process; never imports Locust, which monkey-patches."""
