/* segment_reader: an example for spillway_segment.h. Prints an instance's targets every second, and
 * goes on when the instance is killed and started again.
 *
 *     cc -std=c11 -I packaging/include packaging/examples/segment_reader.c -o segment_reader
 *     ./segment_reader edge-1 [SECONDS]                                                        */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "spillway_segment.h"

typedef struct {
  int file;
  const char* base;
  size_t size;
  ino_t inode;
} mapping_t;

static void let_go(mapping_t* mapping) {
  if (mapping->base != NULL) munmap((void*)(uintptr_t)mapping->base, mapping->size);
  if (mapping->file >= 0) close(mapping->file);
  mapping->base = NULL;
  mapping->file = -1;
}

/* 1: `mapping` is a whole segment. */
static int map(const char* path, mapping_t* mapping) {
  struct stat status;
  void* base;
  const char* why;
  mapping->base = NULL;
  mapping->file = open(path, O_RDONLY | O_CLOEXEC);
  if (mapping->file < 0 || fstat(mapping->file, &status) != 0 || status.st_size == 0) {
    let_go(mapping);
    return 0;
  }
  mapping->inode = status.st_ino;
  mapping->size = (size_t)status.st_size;
  base = mmap(NULL, mapping->size, PROT_READ, MAP_SHARED, mapping->file, 0);
  if (base == MAP_FAILED) {
    let_go(mapping);
    return 0;
  }
  mapping->base = base;
  why = spillway_check(base, mapping->size);
  if (*why == '\0') return 1;
  fprintf(stderr, "segment_reader: %s: %s\n", path, why);
  let_go(mapping);
  return 0;
}

/* The daemon's lock goes with its process: it tells life from death, its pid does not. */
static int is_stale(const mapping_t* mapping) {
  const spillway_header_t* header = (const spillway_header_t*)mapping->base;
  struct flock question;
  struct timespec now;
  int64_t silent;
  memset(&question, 0, sizeof question);
  question.l_type = F_RDLCK;
  question.l_whence = SEEK_SET;
  if (fcntl(mapping->file, F_OFD_GETLK, &question) != 0 || question.l_type != F_WRLCK) return 1;
  clock_gettime(CLOCK_REALTIME, &now);
  silent = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
           (int64_t)spillway_counter(&header->heartbeat_unix_milliseconds);
  return spillway_counter(&header->stopped) != 0 || silent > SPILLWAY_STALE_MILLISECONDS;
}

static double connect_p99_ms(const mapping_t* mapping, unsigned workers,
                             const spillway_target_t* target) {
  static spillway_histogram_t sum;
  const spillway_control_t* control =
      (const spillway_control_t*)(mapping->base + SPILLWAY_CONTROL_OFFSET);
  unsigned worker;
  if (__atomic_load_n(&control->target_histogram_marks[target->slot], __ATOMIC_ACQUIRE) !=
      target->incarnation + 1u) {
    return 0; /* no memory is behind its histograms: do not touch them */
  }
  memset(&sum, 0, sizeof sum);
  for (worker = 0; worker < workers; ++worker) {
    const spillway_flow_histograms_t* place =
        (const spillway_flow_histograms_t*)(mapping->base + spillway_target_histograms_offset(
                                                                workers, worker, target->slot));
    spillway_histogram_add(&sum, &place->connect);
  }
  return (double)spillway_histogram_percentile(&sum, 990) / 1e6;
}

static void show(const mapping_t* mapping, const char* instance) {
  const unsigned workers = ((const spillway_header_t*)mapping->base)->workers;
  const spillway_control_t* control =
      (const spillway_control_t*)(mapping->base + SPILLWAY_CONTROL_OFFSET);
  unsigned slot, worker;
  printf("%s %s\n", instance, is_stale(mapping) ? "stale" : "live");
  for (slot = 0; slot < SPILLWAY_TARGETS_MAX; ++slot) {
    spillway_target_t target;
    uint64_t new_flows = 0;
    if (!spillway_read(&control->targets[slot], &target, sizeof target) || !target.used) continue;
    for (worker = 0; worker < workers; ++worker) {
      const spillway_worker_t* block =
          (const spillway_worker_t*)(mapping->base + spillway_worker_offset(worker));
      const spillway_target_counters_t* counters = &block->targets[slot];
      if (spillway_counter(&counters->incarnation) == target.incarnation) {
        new_flows += spillway_counter(&counters->new_flows);
      }
    }
    printf("%s %s %u %s new_flows=%llu connect_p99_ms=%.3f\n", target.target_group, target.address,
           target.port, spillway_state(target.state), (unsigned long long)new_flows,
           connect_p99_ms(mapping, workers, &target));
  }
  fflush(stdout);
}

int main(int count, char** words) {
  char path[256];
  mapping_t mapping;
  const double seconds = count == 3 ? atof(words[2]) : 0;
  if (count < 2 || count > 3 || (count == 3 && seconds <= 0)) {
    fprintf(stderr, "usage: segment_reader INSTANCE [SECONDS]\n");
    return 2;
  }
  snprintf(path, sizeof path, "/dev/shm/spillway-%s", words[1]);
  if (!map(path, &mapping)) {
    fprintf(stderr, "segment_reader: %s cannot be read: does the instance run?\n", path);
    return 1;
  }
  for (;;) {
    struct stat named;
    struct timespec pause;
    show(&mapping, words[1]);
    if (seconds <= 0) return 0;
    pause.tv_sec = (time_t)seconds;
    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
    if (stat(path, &named) == 0 && named.st_ino != mapping.inode) {
      mapping_t newer;
      if (map(path, &newer)) { /* else it is not complete yet: next time */
        let_go(&mapping);
        mapping = newer;
      }
    }
  }
}
