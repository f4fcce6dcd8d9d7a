//! Files that programs expect on every Linux system: the users, the names of this machine, and a
//! few programs.

/// Files, each with its path without the leading slash.
pub(crate) const FILES: [(&str, &str); 4] = [
    ("etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
];

/// The programs of the host that are available in a guest without a root file system. Tests of
/// system calls start these programs most often. Together, the programs are smaller than the C
/// library, which init needs anyway.
pub(crate) const PROGRAMS: [&str; 6] = ["cat", "echo", "false", "sh", "sleep", "true"];
