"""The durable work behind the web: the engine that executes runs, and what keeps several processes honest."""
