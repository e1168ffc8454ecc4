"""Django's PostgreSQL with a pool that forgets, at the first stale connection, all stale ones."""
