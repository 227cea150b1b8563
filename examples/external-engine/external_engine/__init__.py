"""A classification engine of one's own behind Anomal's gRPC API."""
