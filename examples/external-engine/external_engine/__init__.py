"""A custom classification engine behind Anomal's gRPC API."""
