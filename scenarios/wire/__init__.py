"""What the command line and the load process say to each other. Pure: both import it."""
