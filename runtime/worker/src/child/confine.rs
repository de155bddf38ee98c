//! What a worker gives up before it does anything.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Ends this process together with its parent, gives up rights and core dumps, and closes what it inherited; answers the
/// socket that was its standard input.
///
/// # Errors
///
/// What the system said.
pub(super) fn confine() -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::Signal;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        no_new_privileges()?;
    }
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    close_inherited()?;
    let socket = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(socket)
}

/// Keeps other workers from tracing this process, and programs of the system from dumping it, whatever the limit is. By
/// now the engine has opened the page map that it reads, which could not be opened after this.
pub(super) fn conceal() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Where it fails, it is as readable as every program of the user.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Programs that it starts get no more rights than it has.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "rustix has this behind a feature that would compile the engine anew"
)]
fn no_new_privileges() -> io::Result<()> {
    // SAFETY: this request takes four numbers and no pointers, and changes nothing that Rust relies on.
    match unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Closes all descriptors but the three standard ones: those that the parent's parent let its programs inherit.
#[expect(
    unsafe_code,
    reason = "only numbers are known of descriptors that were inherited"
)]
fn close_inherited() -> io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/dev/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in open {
        // SAFETY: the process has opened nothing itself: nobody owns these. That of the folder above is closed
        // already; to close a number that is not open does nothing.
        unsafe { libc::close(number) };
    }
    Ok(())
}
