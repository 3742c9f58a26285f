"""What Locust sees: user classes, trials, workers, and the process that takes orders."""
