/* What the test and the parts of the shim have in common. */
#include <stdint.h>

enum call { WRITE, SYNC, TRUNCATE, CREATE, RENAME, REMOVE, CLOCK, CALLS };

/* The control page; `mod.rs` has the same. */
struct control {
    int64_t clock_ns;        /* added to the clock of day */
    int64_t calls;           /* which calls fail: bits of `enum call` */
    int64_t files;           /* on which files: bits of `enum kind` */
    int64_t after;           /* so many of them still succeed, */
    int64_t count;           /* then so many fail, */
    int64_t error;           /* with this error; 0: they write a part only */
    int64_t delay_us;        /* every sync takes so much longer */
    int64_t failed;          /* how many calls failed so far */
    int64_t held;            /* no operation begins; they wait */
    int64_t inside;          /* an operation is under way, and not noted yet */
    int64_t seen[CALLS];     /* how many calls of each kind there were */
};

/* NULL where nothing is watched. */
extern struct control *control __attribute__((visibility("hidden")));

void all_is_synced(void) __attribute__((visibility("hidden")));
void trap_syncfs(void) __attribute__((visibility("hidden")));
