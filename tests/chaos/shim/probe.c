/*
 * Does to files what its arguments say, a step after the other, and prints what each gave: 0, or the error's number.
 * Each file is opened once and stays open.
 *
 *   write <file> <text>      at the position of its descriptor
 *   pwrite <file> <text>     at its beginning
 *   writev <file> <text>     in two parts
 *   append <file> <text>     through a descriptor opened with O_APPEND
 *   new <file>               O_CREAT | O_TRUNC
 *   shorten <file>           ftruncate to one byte
 *   sync | datasync | syncfs <file or folder>
 *   rename <from> <to>, link <target> <file>, unlink | mkdir | rmdir <path>
 *   busy <file>              writes to it from now on, on a thread of its own
 *   forever                  does not go on
 *   hour                     prints the hour of the clock of day, and the hour since start
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct { const char *path; int fd; } files[64];

static int opened(const char *path, int flags)
{
    int n = 0;
    while (files[n].path && strcmp(files[n].path, path)) n++;
    if (!files[n].path) {
        files[n].path = path;
        files[n].fd = open(path, flags, 0640);
    }
    return files[n].fd;
}

static long write_two(int fd, const char *text)
{
    size_t length = strlen(text), half = length / 2;
    struct iovec parts[2] = {{(void *)text, half}, {(void *)(text + half), length - half}};
    return writev(fd, parts, 2);
}

static int folder_or_file(const char *path)
{
    struct stat about;
    return opened(path, stat(path, &about) == 0 && S_ISDIR(about.st_mode) ? O_RDONLY : O_RDWR | O_CREAT);
}

static void tell_time(void)
{
    struct timespec day, since;
    struct timeval day_too;
    clock_gettime(CLOCK_REALTIME, &day);
    gettimeofday(&day_too, NULL);
    clock_gettime(CLOCK_MONOTONIC, &since);
    if (labs(day.tv_sec - day_too.tv_sec) > 2 || labs(day.tv_sec - time(NULL)) > 2) exit(3);
    printf("%ld %ld\n", day.tv_sec / 3600, since.tv_sec / 3600);
}

static int is_writing;

static void *write_for_ever(void *path)
{
    static char bytes[200000];
    for (int fd = open(path, O_RDWR | O_CREAT, 0640);;) {
        if (write(fd, bytes, sizeof bytes) < 0 || lseek(fd, 0, SEEK_SET) < 0) exit(4);
        __atomic_store_n(&is_writing, 1, __ATOMIC_RELAXED);
    }
}

static int busy(const char *path)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, write_for_ever, (void *)path)) return -1;
    while (!__atomic_load_n(&is_writing, __ATOMIC_RELAXED)) usleep(100);
    return 0;
}

int main(int count, char **words)
{
    for (char **word = words + 1; word < words + count; word++) {
        const char *step = *word;
        long done = -1;
        if (!strcmp(step, "hour")) {
            tell_time();
            continue;
        }
        if (!strcmp(step, "forever")) pause();
        const char *path = *++word;
        if (!strcmp(step, "write")) done = write(opened(path, O_RDWR | O_CREAT), word[1], strlen(word[1])), word++;
        else if (!strcmp(step, "pwrite")) done = pwrite(opened(path, O_RDWR | O_CREAT), word[1], strlen(word[1]), 0), word++;
        else if (!strcmp(step, "writev")) done = write_two(opened(path, O_RDWR | O_CREAT), *++word);
        else if (!strcmp(step, "append")) done = write(opened(path, O_WRONLY | O_CREAT | O_APPEND), word[1], strlen(word[1])), word++;
        else if (!strcmp(step, "new")) done = open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
        else if (!strcmp(step, "shorten")) done = ftruncate(opened(path, O_RDWR | O_CREAT), 1);
        else if (!strcmp(step, "sync")) done = fsync(folder_or_file(path));
        else if (!strcmp(step, "datasync")) done = fdatasync(folder_or_file(path));
        else if (!strcmp(step, "syncfs")) done = syscall(SYS_syncfs, folder_or_file(path));
        else if (!strcmp(step, "rename")) done = rename(path, *++word);
        else if (!strcmp(step, "link")) done = symlink(path, *++word);
        else if (!strcmp(step, "unlink")) done = unlink(path);
        else if (!strcmp(step, "mkdir")) done = mkdir(path, 0750);
        else if (!strcmp(step, "rmdir")) done = rmdir(path);
        else if (!strcmp(step, "busy")) done = busy(path);
        else return 2;
        printf("%d\n", done < 0 ? errno : 0);
        fflush(stdout);
    }
    return 0;
}
