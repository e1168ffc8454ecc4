"""The live process: tells open pages that what they show has changed, never what changed.

    python -m hms.live [--bind 127.0.0.1:8001]

It LISTENs on one database connection, where triggers name a topic for each change, and passes the
word to those who watch that topic (Server-Sent Events). Its readers then fetch the page's piece
from the website, which alone decides what they may see.

A word that was missed is no lost change: while the database is away nobody is kept (a page then
says that it is not live), and whoever comes with a ticket from before the listening began, or from
before the topic's last change, is told at once.

    GET /?ticket=…   the stream; 403 without a good ticket, 503 when full or while not listening
    GET /healthz     200 while listening, else 503

An event's data is `TOKEN SPREAD`: a random word that is the same for all who are told of one
change (the website renders once for it), and the milliseconds over which to spread the fetching.
"""
