"""The load engine: connections, open loop, recording, victims. It runs on gevent's hub and never imports Locust."""
