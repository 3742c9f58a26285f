"""Makes a record: processes, sockets, clocks, databases, servers, sessions."""
