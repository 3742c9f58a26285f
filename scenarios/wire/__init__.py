"""The messages between the command line and the load process. It imports neither gevent nor Locust."""
