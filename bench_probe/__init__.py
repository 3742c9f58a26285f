"""What a server tells about itself: works in any ASGI application, with the standard library alone."""
