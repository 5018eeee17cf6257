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
pub(super) use linux::{is_locked, share, try_lock, unlock, wait_lock};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use cap_std::fs::File;
    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    use super::Asked;

    /// Locks for this open file alone, or says why not.
    pub(in super::super) fn try_lock(file: &File, offset: u64) -> Asked {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&byte(libc::F_WRLCK, offset))) {
            Ok(_) => Asked::Granted,
            Err(Errno::EAGAIN | Errno::EACCES) => Asked::Refused,
            Err(_) => Asked::Unknown,
        }
    }

    /// Locks for this open file alone, when the others are done.
    pub(in super::super) fn wait_lock(file: &File, offset: u64) {
        let lock = byte(libc::F_WRLCK, offset);
        while fcntl(file, FcntlArg::F_OFD_SETLKW(&lock)) == Err(Errno::EINTR) {}
    }

    /// Locks together with others who share, when nobody has it alone.
    pub(in super::super) fn share(file: &File, offset: u64) {
        let lock = byte(libc::F_RDLCK, offset);
        while fcntl(file, FcntlArg::F_OFD_SETLKW(&lock)) == Err(Errno::EINTR) {}
    }

    /// Says whether another open file has a lock there.
    pub(in super::super) fn is_locked(file: &File, offset: u64) -> bool {
        let mut lock = byte(libc::F_WRLCK, offset);
        let asked = fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock));
        asked.is_ok() && i32::from(lock.l_type) != libc::F_UNLCK
    }

    pub(in super::super) fn unlock(file: &File, offset: u64) {
        let _ = fcntl(file, FcntlArg::F_OFD_SETLK(&byte(libc::F_UNLCK, offset)));
    }

    #[allow(
        clippy::unnecessary_cast,
        reason = "the C types differ between systems"
    )]
    fn byte(kind: libc::c_int, offset: u64) -> libc::flock {
        libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: offset as libc::off_t,
            l_len: 1,
            l_pid: 0,
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use elsewhere::{is_locked, share, try_lock, unlock, wait_lock};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere {
    use cap_std::fs::File;

    use super::Asked;

    pub(in super::super) fn try_lock(_: &File, _: u64) -> Asked {
        Asked::Unknown
    }

    pub(in super::super) fn wait_lock(_: &File, _: u64) {}

    pub(in super::super) fn share(_: &File, _: u64) {}

    pub(in super::super) fn is_locked(_: &File, _: u64) -> bool {
        false
    }

    pub(in super::super) fn unlock(_: &File, _: u64) {}
}
