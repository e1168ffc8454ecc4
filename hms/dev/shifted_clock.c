/* Preloaded into a program, this shifts its wall clock by HMS_CLOCK_OFFSET seconds.

   The monotonic clocks, the length of every wait and the times of files stay as they are. What
   waits until an absolute time of the wall clock waits as long as it would without the shift.
   Debian's libfaketime is no alternative: version 0.9.10 makes Python's time.sleep() fail, or
   every wait of pthreads hang. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Where a call does not say which clock its time belongs to: no machine is up for 30 years. */
#define IS_WALL_TIME(at) ((at)->tv_sec > 1000000000)

#define NEXT(name, version) \
  static __typeof__(&name) next; \
  if (!next) next = (__typeof__(&name))find(#name, version)

static long offset;

__attribute__((constructor)) static void read_offset(void) {
  const char *given = getenv("HMS_CLOCK_OFFSET");
  offset = given ? atol(given) : 0;
}

/* glibc still carries the condition variables of 2002 under the same names. */
static void *find(const char *name, const char *version) {
  void *found = version ? dlvsym(RTLD_NEXT, name, version) : NULL;
  return found ? found : dlsym(RTLD_NEXT, name);
}

static int is_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

static const struct timespec *real(const struct timespec *at, struct timespec *shifted, int wall) {
  if (!at || !wall) return at;
  *shifted = *at;
  shifted->tv_sec -= offset;
  return shifted;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  NEXT(clock_gettime, NULL);
  int failed = next ? next(clock, now) : (int)syscall(SYS_clock_gettime, clock, now);
  if (!failed && is_wall(clock)) now->tv_sec += offset;
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec at;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &at)) return -1;
  *now = (struct timeval){at.tv_sec, at.tv_nsec / 1000};
  return 0;
}

time_t time(time_t *now) {
  struct timespec at;
  if (clock_gettime(CLOCK_REALTIME, &at)) return (time_t)-1;
  if (now) *now = at.tv_sec;
  return at.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
  return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *at, struct timespec *left) {
  struct timespec shifted;
  NEXT(clock_nanosleep, NULL);
  return next(clock, flags, real(at, &shifted, (flags & TIMER_ABSTIME) && is_wall(clock)), left);
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict at) {
  struct timespec shifted;
  NEXT(pthread_cond_timedwait, "GLIBC_2.3.2");
  return next(cond, mutex, real(at, &shifted, IS_WALL_TIME(at)));
}

int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           clockid_t clock, const struct timespec *restrict at) {
  struct timespec shifted;
  NEXT(pthread_cond_clockwait, NULL);
  return next(cond, mutex, clock, real(at, &shifted, is_wall(clock)));
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict at) {
  struct timespec shifted;
  NEXT(pthread_mutex_timedlock, NULL);
  return next(mutex, real(at, &shifted, 1));
}

int pthread_mutex_clocklock(pthread_mutex_t *restrict mutex, clockid_t clock,
                            const struct timespec *restrict at) {
  struct timespec shifted;
  NEXT(pthread_mutex_clocklock, NULL);
  return next(mutex, clock, real(at, &shifted, is_wall(clock)));
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict lock, const struct timespec *restrict at) {
  struct timespec shifted;
  NEXT(pthread_rwlock_timedrdlock, NULL);
  return next(lock, real(at, &shifted, 1));
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict lock, const struct timespec *restrict at) {
  struct timespec shifted;
  NEXT(pthread_rwlock_timedwrlock, NULL);
  return next(lock, real(at, &shifted, 1));
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict at) {
  struct timespec shifted;
  NEXT(sem_timedwait, NULL);
  return next(semaphore, real(at, &shifted, 1));
}

int sem_clockwait(sem_t *restrict semaphore, clockid_t clock, const struct timespec *restrict at) {
  struct timespec shifted;
  NEXT(sem_clockwait, NULL);
  return next(semaphore, clock, real(at, &shifted, is_wall(clock)));
}

int timerfd_settime(int timer, int flags, const struct itimerspec *wanted, struct itimerspec *old) {
  struct itimerspec shifted;
  NEXT(timerfd_settime, NULL);
  if (wanted && (flags & TFD_TIMER_ABSTIME) && IS_WALL_TIME(&wanted->it_value)) {
    shifted = *wanted;
    shifted.it_value.tv_sec -= offset;
    wanted = &shifted;
  }
  return next(timer, flags, wanted, old);
}
