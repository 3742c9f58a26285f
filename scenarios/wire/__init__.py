"""The messages between the command line and the load process. Both import it, so it imports neither gevent nor Locust."""
