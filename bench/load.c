/* Sends prepared HTTP requests over a fixed number of persistent connections and times each
 * response.
 *
 *   load PORT CONNECTIONS FILE
 *
 * FILE has "LENGTH\n" and LENGTH bytes, for each request. Every request is sent once; a
 * connection sends the next one when the response to the last is complete. Prints for each, in the
 * order of the responses, "STATUS MICROSECONDS\n", and on stderr the seconds of the whole run.
 * One thread with epoll: a request takes it a few microseconds, and the server thousands.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, PATIENCE_MS = 30000 };

struct request { const char *bytes; size_t length; };
struct connection {
  int fd;
  const struct request *request;
  size_t sent, got;
  double began;
  char *buffer;
};

static struct request *requests;
static size_t total, next_one, done;
static int port, poller;

static void die(const char *what) { perror(what); exit(1); }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void load(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) die(path);
  size_t capacity = 0, length;
  while (fscanf(file, "%zu", &length) == 1) {
    if (fgetc(file) != '\n') die("request file");
    if (total == capacity) {
      capacity = capacity * 2 + 1024;
      requests = realloc(requests, capacity * sizeof *requests);
    }
    char *bytes = malloc(length);
    if (!requests || !bytes) die("memory");
    if (fread(bytes, 1, length, file) != length) die("request file");
    requests[total++] = (struct request){bytes, length};
  }
  fclose(file);
}

static void open_connection(struct connection *c) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int yes = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
}

static void send_request(struct connection *c) {
  c->got = 0;
  c->began = now();
  for (c->sent = 0; c->sent < c->request->length;) {
    ssize_t n = send(c->fd, c->request->bytes + c->sent, c->request->length - c->sent,
                     MSG_NOSIGNAL);
    if (n < 0) {
      /* The server may close a connection between two requests: try again on a new one. */
      if ((errno == EPIPE || errno == ECONNRESET) && c->sent == 0) {
        close(c->fd);
        open_connection(c);
        continue;
      }
      die("send");
    }
    c->sent += (size_t)n;
  }
}

static void start_next(struct connection *c) {
  if (next_one == total) { close(c->fd); c->fd = -1; return; }
  c->request = &requests[next_one++];
  send_request(c);
}

/* The value of a header inside the head of an answer, or NULL. */
static const char *header(const char *head, const char *end, const char *name) {
  size_t length = strlen(name);
  for (const char *line = head; line && line < end; line = strstr(line, "\r\n")) {
    if (line != head) line += 2;
    if (!strncasecmp(line, name, length) && line[length] == ':') return line + length + 1;
  }
  return NULL;
}

/* 1 when the answer in the buffer is complete. */
static int complete(struct connection *c, int closed) {
  c->buffer[c->got] = 0;
  const char *end = strstr(c->buffer, "\r\n\r\n");
  if (!end) return 0;
  const char *length = header(c->buffer, end, "Content-Length");
  if (length) return c->got >= (size_t)(end + 4 - c->buffer) + strtoul(length, NULL, 10);
  if (header(c->buffer, end, "Transfer-Encoding"))
    return c->got >= 5 && !memcmp(c->buffer + c->got - 5, "0\r\n\r\n", 5);
  return closed;
}

static void read_answer(struct connection *c) {
  ssize_t n = recv(c->fd, c->buffer + c->got, BUFFER - 1 - c->got, 0);
  if (n < 0 && errno != ECONNRESET) die("recv");
  int closed = n <= 0;
  if (closed && c->got == 0) { /* closed while idle, before it saw our request */
    close(c->fd);
    open_connection(c);
    send_request(c);
    return;
  }
  if (!closed) c->got += (size_t)n;
  if (!complete(c, closed)) {
    if (closed || c->got >= BUFFER - 1) { fprintf(stderr, "answer cut short\n"); exit(1); }
    return;
  }
  printf("%.3s %.0f\n", c->buffer + 9, (now() - c->began) * 1e6);
  done++;
  const char *end = strstr(c->buffer, "\r\n\r\n");
  const char *keep = header(c->buffer, end, "Connection");
  if (closed || (keep && !strncasecmp(keep + 1, "close", 5))) {
    close(c->fd);
    if (next_one < total) open_connection(c);
  }
  start_next(c);
}

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "usage: load PORT CONNECTIONS FILE\n"); return 2; }
  port = atoi(argv[1]);
  size_t count = strtoul(argv[2], NULL, 10);
  load(argv[3]);
  if (count > total) count = total;
  poller = epoll_create1(0);
  struct connection *all = calloc(count, sizeof *all);
  if (poller < 0 || !all) die("set-up");
  double began = now();
  for (size_t i = 0; i < count; i++) {
    if (!(all[i].buffer = malloc(BUFFER))) die("memory");
    open_connection(&all[i]);
    start_next(&all[i]);
  }
  while (done < total) {
    struct epoll_event events[64];
    int n = epoll_wait(poller, events, 64, PATIENCE_MS);
    if (n == 0) { fprintf(stderr, "no answer for %d s\n", PATIENCE_MS / 1000); return 1; }
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; i++) read_answer(events[i].data.ptr);
  }
  fprintf(stderr, "%.6f\n", now() - began);
  return 0;
}
