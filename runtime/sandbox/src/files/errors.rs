//! Errors of the host's system as those of WASI.

use std::io;

use rustix::io::Errno;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wxmcp_run::OverBudget;

/// The error that a guest gets where the run, or the process, may hold no more.
pub(super) fn no_room(_: OverBudget) -> ErrorCode {
    ErrorCode::InsufficientMemory
}

/// The error that a guest gets for one of the system.
pub(super) fn code(error: &io::Error) -> ErrorCode {
    match Errno::from_io_error(error) {
        Some(errno) => of_errno(errno),
        // Made by `cap-primitives`: a path that leads out of its folder is a denied permission.
        None => match error.kind() {
            io::ErrorKind::NotFound => ErrorCode::NoEntry,
            io::ErrorKind::PermissionDenied => ErrorCode::NotPermitted,
            io::ErrorKind::AlreadyExists => ErrorCode::Exist,
            io::ErrorKind::InvalidInput => ErrorCode::Invalid,
            _ => ErrorCode::Io,
        },
    }
}

/// The same of an error's number.
pub(super) fn of_errno(errno: Errno) -> ErrorCode {
    match errno {
        Errno::ACCESS => ErrorCode::Access,
        Errno::AGAIN => ErrorCode::WouldBlock,
        Errno::ALREADY => ErrorCode::Already,
        Errno::BADF => ErrorCode::BadDescriptor,
        Errno::BUSY => ErrorCode::Busy,
        Errno::DEADLK => ErrorCode::Deadlock,
        Errno::DQUOT => ErrorCode::Quota,
        Errno::EXIST => ErrorCode::Exist,
        Errno::FBIG => ErrorCode::FileTooLarge,
        Errno::ILSEQ => ErrorCode::IllegalByteSequence,
        Errno::INPROGRESS => ErrorCode::InProgress,
        Errno::INTR => ErrorCode::Interrupted,
        Errno::INVAL => ErrorCode::Invalid,
        Errno::ISDIR => ErrorCode::IsDirectory,
        Errno::LOOP => ErrorCode::Loop,
        Errno::MLINK => ErrorCode::TooManyLinks,
        Errno::NAMETOOLONG => ErrorCode::NameTooLong,
        Errno::NODEV => ErrorCode::NoDevice,
        Errno::NOENT => ErrorCode::NoEntry,
        Errno::NOLCK => ErrorCode::NoLock,
        // WASI has no error for too many open files.
        Errno::NOMEM | Errno::MFILE | Errno::NFILE => ErrorCode::InsufficientMemory,
        Errno::NOSPC => ErrorCode::InsufficientSpace,
        Errno::NOTDIR => ErrorCode::NotDirectory,
        Errno::NOTEMPTY => ErrorCode::NotEmpty,
        Errno::NOTRECOVERABLE => ErrorCode::NotRecoverable,
        Errno::NOTSUP | Errno::NOSYS => ErrorCode::Unsupported,
        Errno::NOTTY => ErrorCode::NoTty,
        Errno::NXIO => ErrorCode::NoSuchDevice,
        Errno::OVERFLOW => ErrorCode::Overflow,
        Errno::PERM => ErrorCode::NotPermitted,
        Errno::PIPE => ErrorCode::Pipe,
        Errno::ROFS => ErrorCode::ReadOnly,
        Errno::SPIPE => ErrorCode::InvalidSeek,
        Errno::TXTBSY => ErrorCode::TextFileBusy,
        Errno::XDEV => ErrorCode::CrossDevice,
        _ => ErrorCode::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_numbers() {
        let of = |errno: Errno| code(&io::Error::from_raw_os_error(errno.raw_os_error()));
        assert_eq!(of(Errno::NOENT), ErrorCode::NoEntry);
        assert_eq!(of(Errno::ROFS), ErrorCode::ReadOnly);
        assert_eq!(of(Errno::XDEV), ErrorCode::CrossDevice);
        assert_eq!(of(Errno::MFILE), ErrorCode::InsufficientMemory);
        assert_eq!(of(Errno::IO), ErrorCode::Io);
        let escape = io::Error::new(io::ErrorKind::PermissionDenied, "out");
        assert_eq!(code(&escape), ErrorCode::NotPermitted);
    }
}
