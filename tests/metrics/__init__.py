"""What Prometheus and a tracing backend see."""
