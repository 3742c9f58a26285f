"""How the service is loaded. Runs in the Locust process; knows requests, not workloads."""
