"""The load generator. It runs in the Locust process and sends requests; it does not know workloads."""
