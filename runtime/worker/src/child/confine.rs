//! What a worker gives up before it does anything.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};

/// Ends this process together with its parent, gives up rights and core dumps, and closes what it inherited; answers the
/// socket that was its standard input.
///
/// # Errors
///
/// What the system said.
pub(super) fn confine() -> io::Result<OwnedFd> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    no_new_privileges()?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    // Neither dumped, where a program of the system takes dumps whatever the limit is, nor traced by other workers.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    close_inherited()?;
    let socket = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(socket)
}

/// Programs that it starts get no more rights than it has.
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
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
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
