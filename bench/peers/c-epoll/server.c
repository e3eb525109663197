/*
 * What the kernel alone asks for: one thread, level-triggered epoll, no parser. The end of a request is CRLF CRLF, wherever
 * reads cut it; every request gets the same prepared bytes, and all requests of one read are answered by one send. The
 * prepared answer is renewed once a second. It is a floor to measure servers against and no server: it understands neither
 * bodies nor paths, and has no limits or timeouts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  READ_BYTES = 65536,
  /* What fits into one read, at the 18 bytes of the shortest request. */
  ANSWERS_MAX = READ_BYTES / 18 + 1,
  ANSWER_BYTES_MAX = 256,
  EVENTS_MAX = 256,
  BACKLOG = 4096,
};

struct connection {
  int fd;
  /* How much of CRLF CRLF the bytes so far end with, 0 to 3. */
  int matched;
  /* What a full socket did not take. Nothing more is read until it is gone, so that it never grows. */
  char *unsent;
  size_t unsent_bytes;
};

static char answers[ANSWERS_MAX * ANSWER_BYTES_MAX];
static size_t answer_bytes;
static time_t answer_second;
static int poller;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Writes as many copies as one read can ask for, so that any number of answers is one piece of memory. */
static void renew_answers(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec == answer_second) return;
  answer_second = now.tv_sec;
  struct tm utc;
  gmtime_r(&now.tv_sec, &utc);
  char date[64], body[64], answer[ANSWER_BYTES_MAX];
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  long long ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  int body_bytes = snprintf(body, sizeof body, "{\"status\":\"ok\",\"ts\":%lld}", ms);
  answer_bytes = (size_t)snprintf(answer, sizeof answer,
                                  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                  "Content-Length: %d\r\nDate: %s\r\n\r\n%s",
                                  body_bytes, date, body);
  for (size_t copy = 0; copy < ANSWERS_MAX; copy++) memcpy(answers + copy * answer_bytes, answer, answer_bytes);
}

static int count_requests(struct connection *connection, const char *bytes, size_t length) {
  static const char end[] = "\r\n\r\n";
  int requests = 0, matched = connection->matched;
  for (size_t at = 0; at < length; at++) {
    if (matched == 0) {
      const char *next = memchr(bytes + at, '\r', length - at);
      if (next == NULL) break;
      at = (size_t)(next - bytes);
      matched = 1;
    } else if (bytes[at] != end[matched]) {
      matched = bytes[at] == '\r';
    } else if (++matched == 4) {
      requests++;
      matched = 0;
    }
  }
  connection->matched = matched;
  return requests;
}

static void watch(struct connection *connection, int operation, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(poller, operation, connection->fd, &event) != 0) fail("epoll_ctl");
}

static void drop(struct connection *connection) {
  close(connection->fd);
  free(connection->unsent);
  free(connection);
}

static void keep_unsent(struct connection *connection, const char *bytes, size_t length) {
  char *unsent = malloc(length);
  if (unsent == NULL) fail("malloc");
  memcpy(unsent, bytes, length);
  connection->unsent = unsent;
  connection->unsent_bytes = length;
  watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
}

static void send_unsent(struct connection *connection) {
  ssize_t sent = send(connection->fd, connection->unsent, connection->unsent_bytes, MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) return;
  if (sent < 0) return drop(connection);
  connection->unsent_bytes -= (size_t)sent;
  memmove(connection->unsent, connection->unsent + sent, connection->unsent_bytes);
  if (connection->unsent_bytes > 0) return;
  free(connection->unsent);
  connection->unsent = NULL;
  watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void serve(struct connection *connection) {
  static char bytes[READ_BYTES];
  ssize_t length = recv(connection->fd, bytes, sizeof bytes, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) return drop(connection);
  size_t asked = (size_t)count_requests(connection, bytes, (size_t)length) * answer_bytes;
  if (asked == 0) return;
  ssize_t sent = send(connection->fd, answers, asked, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return drop(connection);
  size_t done = sent < 0 ? 0 : (size_t)sent;
  if (done < asked) keep_unsent(connection, answers + done, asked - done);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0 && errno == EAGAIN) return;
    if (fd < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
    /* Out of descriptors: going on would spin, and a reference that spins measures nothing. */
    if (fd < 0) fail("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) fail("calloc");
    connection->fd = fd;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static int listen_on_loopback(void) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0) fail("bind");
  if (listen(listener, BACKLOG) != 0) fail("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) fail("getsockname");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(void) {
  struct rlimit descriptors;
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  poller = epoll_create1(0);
  struct connection *listener = calloc(1, sizeof *listener);
  if (poller < 0 || listener == NULL) fail("epoll_create1");
  listener->fd = listen_on_loopback();
  watch(listener, EPOLL_CTL_ADD, EPOLLIN);
  for (;;) {
    struct epoll_event events[EVENTS_MAX];
    int ready = epoll_wait(poller, events, EVENTS_MAX, -1);
    if (ready < 0 && errno != EINTR) fail("epoll_wait");
    renew_answers();
    for (int index = 0; index < ready; index++) {
      struct connection *connection = events[index].data.ptr;
      if (connection == listener) accept_all(listener->fd);
      else if (connection->unsent != NULL) send_unsent(connection);
      else serve(connection);
    }
  }
}
