"""The load process and its parts that use Locust: user classes, trials, workers."""
