"""The live process: notifies open pages that their content has changed.

    python -m hms.live [--bind 127.0.0.1:8001]

The process LISTENs on one database connection. Database triggers send a topic for each change.
The process sends an event to every page that watches this topic (Server-Sent Events). The event
carries no content: the page fetches its changed part from the website, which checks permissions.

A missed notification does not lose a change. While the database is unreachable, all streams are
closed, and pages show that they are not live. A client whose ticket was issued before listening
began, or before the last change of its topic, receives an event as soon as it connects.

    GET /?ticket=…   the stream; 403 without a valid ticket, 503 when full or while not listening
    GET /healthz     200 while listening, else 503

The data of an event is `TOKEN SPREAD`. TOKEN is a random string, the same for all watchers of one
change, so that the website renders the part once for all of them. SPREAD is the number of
milliseconds over which the clients spread their requests.
"""
