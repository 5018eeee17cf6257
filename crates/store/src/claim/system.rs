//! Byte-range locks of an open file, as the system has them.
//!
//! Open-file-description locks: of the open file, not of the process, and gone with it. Where there are none,
//! nothing is known of others.

/// What came of asking for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Granted,
    /// Somebody else has it.
    Refused,
    /// There are no locks here.
    Unknown,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{holder, try_lock, try_share, unlock};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use cap_std::fs::File;
    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    use super::Asked;

    /// Locks `length` bytes for this open file alone, or says why not.
    pub(in super::super) fn try_lock(file: &File, start: u64, length: u64) -> Asked {
        ask(file, libc::F_WRLCK, start, length)
    }

    /// Locks together with others who share, or says why not.
    pub(in super::super) fn try_share(file: &File, start: u64, length: u64) -> Asked {
        ask(file, libc::F_RDLCK, start, length)
    }

    /// The first bytes among these that another open file has locked, from the start of its lock: where, how many.
    pub(in super::super) fn holder(file: &File, start: u64, length: u64) -> Option<(u64, u64)> {
        let mut lock = bytes(libc::F_WRLCK, start, length);
        let asked = fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock));
        let locked = asked.is_ok() && i32::from(lock.l_type) != libc::F_UNLCK;
        locked.then_some((lock.l_start.cast_unsigned(), lock.l_len.cast_unsigned()))
    }

    pub(in super::super) fn unlock(file: &File, start: u64, length: u64) {
        let _ = fcntl(
            file,
            FcntlArg::F_OFD_SETLK(&bytes(libc::F_UNLCK, start, length)),
        );
    }

    fn ask(file: &File, kind: libc::c_int, start: u64, length: u64) -> Asked {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&bytes(kind, start, length))) {
            Ok(_) => Asked::Granted,
            Err(Errno::EAGAIN | Errno::EACCES) => Asked::Refused,
            Err(_) => Asked::Unknown,
        }
    }

    #[allow(
        clippy::unnecessary_cast,
        reason = "the C types differ between systems"
    )]
    fn bytes(kind: libc::c_int, start: u64, length: u64) -> libc::flock {
        libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: start as libc::off_t,
            l_len: length as libc::off_t,
            l_pid: 0,
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use elsewhere::{holder, try_lock, try_share, unlock};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere {
    use cap_std::fs::File;

    use super::Asked;

    pub(in super::super) fn try_lock(_: &File, _: u64, _: u64) -> Asked {
        Asked::Unknown
    }

    pub(in super::super) fn try_share(_: &File, _: u64, _: u64) -> Asked {
        Asked::Unknown
    }

    pub(in super::super) fn holder(_: &File, _: u64, _: u64) -> Option<(u64, u64)> {
        None
    }

    pub(in super::super) fn unlock(_: &File, _: u64, _: u64) {}
}
