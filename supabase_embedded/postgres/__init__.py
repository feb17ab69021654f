"""Run a PostgreSQL server from a folder: initialise, start, stop, recover.

```python
with PostgresServer.temporary() as server:        # deleted at the end; nothing is synced to disk
    psycopg.connect(server.dsn())

server = PostgresServer(Path("data/postgres"), password=...)
server.start()
...
server.stop()
```

The server listens on the loopback interface only, and every connection needs a password.
"""

from __future__ import annotations

from supabase_embedded._address import SUPERUSER, ServerAddress
from supabase_embedded.postgres.server import PostgresServer

__all__ = ["SUPERUSER", "PostgresServer", "ServerAddress"]
