//! One client over standard input and output.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::config::Client;
use crate::connection::Connection;
use crate::open::Open;
use crate::opening::Opening;
use crate::pipes::Pipes;
use crate::service::Service;
use crate::wire::Wire;

/// How often it is looked whether anybody still reads our output, once nothing more is read.
const LOOK: Duration = Duration::from_millis(50);

/// How long the last answers may take to be written.
const FLUSH: Duration = Duration::from_secs(5);

/// Serves the client at standard input and output until its input ends, or `stop` does. Runs that go on then have the
/// time to drain.
///
/// # Errors
///
/// When the client did not speak the protocol.
pub(crate) async fn serve(
    service: &Arc<Service>,
    client: Client,
    stop: impl Future<Output = ()>,
) -> Result<(), ServerInitializeError> {
    let pipes = Pipes::default();
    let Pipes {
        read_all,
        unwritable,
        drained,
        ..
    } = pipes.clone();
    let (input, output) = stdio_pipes();
    let (input, output) = (pipes.input(input), pipes.output(output));
    let open = Open::default();
    let transport = Opening::new(Wire::new(input, output, open.clone()));
    let connection = Connection::new(Arc::clone(service), client, open);
    let mut serving = tokio::spawn(async move {
        match connection.serve(transport).await {
            Ok(running) => {
                let _how_it_ended = running.waiting().await;
                Ok(())
            }
            // It left before it had said anything.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    });
    tokio::select! {
        () = stop => {}
        () = read_all.cancelled() => {}
        () = unwritable.cancelled() => {}
        () = gone_unread(&pipes) => {}
        served = &mut serving => return served.unwrap_or(Ok(())),
    }
    service
        .drain(async {
            while !unwritable.is_cancelled() && is_read() {
                tokio::time::sleep(LOOK).await;
            }
        })
        .await;
    drained.cancel();
    match tokio::time::timeout(FLUSH, serving).await {
        Ok(Ok(served)) => served,
        // Nobody reads the last answers, or the task was lost: there is nobody to say it to.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// Ends when the client has closed our input while it does not read our output: then nothing is read, and the end of
/// the input would not be seen.
async fn gone_unread(pipes: &Pipes) {
    loop {
        pipes.unread().await;
        tokio::time::sleep(LOOK).await;
        if pipes.is_unread() && !is_open(rustix::stdio::stdin(), PollFlags::IN) {
            return;
        }
    }
}

/// Whether anybody has the other end of standard output.
fn is_read() -> bool {
    is_open(rustix::stdio::stdout(), PollFlags::OUT)
}

/// Whether anybody has the other end of a pipe.
fn is_open(descriptor: BorrowedFd<'_>, wish: PollFlags) -> bool {
    let mut fds = [PollFd::new(&descriptor, wish)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut fds, Some(&at_once)) {
        Ok(_) => !fds
            .iter()
            .any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP)),
        Err(_) => true,
    }
}
