"""Content-addressed blocks: names, manifests, exchange, storage."""
