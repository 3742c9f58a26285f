"""The load engine: connections, open loop, recording, victims. Callbacks on gevent's hub; knows no Locust."""
