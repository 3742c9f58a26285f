"""Why a variant is slow: symptoms in, causes out. Pure: reads records, starts nothing."""
