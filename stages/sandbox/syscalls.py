"""Which system calls a sandboxed program may make, and their numbers on x86-64 and aarch64 Linux.

The list is an allow-list: what is not named here is refused with EPERM. Calls whose arguments decide are in
`seccomp.py`. Numbers: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h;
None where an architecture has no such call.
"""

from typing import Final

ARCHITECTURES: Final = {"x86_64": 0, "aarch64": 1}
"""Column of NUMBERS for each `os.uname().machine` that is supported."""

AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* of linux/audit.h: what seccomp_data.arch holds."""

# fmt: off
NUMBERS: Final[dict[str, tuple[int | None, int | None]]] = {
    # bytes in and out of descriptors that are already open
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70), "lseek": (8, 62), "close": (3, 57),
    "close_range": (436, 436), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None),
    "pipe2": (293, 59), "fsync": (74, 82), "fdatasync": (75, 83), "flock": (73, 32), "fadvise64": (221, 223),
    "ftruncate": (77, 46), "truncate": (76, 45), "getdents": (78, None), "getdents64": (217, 61),
    # names of files: Landlock decides which
    "open": (2, None), "openat": (257, 56), "stat": (4, None), "lstat": (6, None), "fstat": (5, 80),
    "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44), "access": (21, None),
    "faccessat": (269, 48), "faccessat2": (439, 439), "getcwd": (79, 17), "readlink": (89, None),
    "readlinkat": (267, 78), "chdir": (80, 49), "fchdir": (81, 50), "mkdir": (83, None), "mkdirat": (258, 34),
    "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "umask": (95, 166), "symlink": (88, None), "symlinkat": (266, 36), "link": (86, None),
    "linkat": (265, 37),
    # memory
    "brk": (12, 214), "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226),
    "madvise": (28, 233), "msync": (26, 227), "mincore": (27, 232), "membarrier": (324, 283),
    # waiting; the descriptors come from pipe, eventfd or a socket pair, never from the network
    "select": (23, None), "pselect6": (270, 72), "poll": (7, None), "ppoll": (271, 73), "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22), "eventfd2": (290, 19),
    "recvfrom": (45, 207), "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "pause": (34, None),
    "alarm": (37, None), "getitimer": (36, 102), "setitimer": (38, 103),
    # clocks, identity, usage: reading only
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None),
    "times": (100, 153), "getrusage": (98, 165), "sysinfo": (99, 179), "uname": (63, 160), "getcpu": (309, 168),
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150),
    "getgroups": (115, 158), "getpgrp": (111, None), "getpgid": (121, 155), "getsid": (124, 156),
    "getpriority": (140, 141), "getrlimit": (97, 163), "setrlimit": (160, 164), "getrandom": (318, 278),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "wait4": (61, 260),
    # signals to oneself, threads, the end
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128), "futex": (202, 98), "set_robust_list": (273, 99),
    "rseq": (334, 293), "set_tid_address": (218, 96), "arch_prctl": (158, None), "exit": (60, 93),
    "exit_group": (231, 94),
}

CHECKED: Final[dict[str, tuple[int | None, int | None]]] = {
    "clone": (56, 220), "clone3": (435, 435), "fcntl": (72, 25), "ioctl": (16, 29), "prctl": (157, 167),
    "kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261), "socketpair": (53, 199), "sendto": (44, 206),
}
"""Allowed for some arguments only."""

SETUP: Final[dict[str, tuple[int, int]]] = {
    "seccomp": (317, 277), "capset": (126, 91), "unshare": (272, 97), "clone": (56, 220), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
}
"""What the sandbox itself calls while it builds its layers."""
# fmt: on
