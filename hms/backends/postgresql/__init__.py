"""Django's PostgreSQL backend with a pool that checks all connections when one is broken."""
