//! Frames: a message, its length, and the run that it is about.
//!
//! ```text
//! length of the message: u32, little endian | run: u128, little endian; 0 for none | message
//! ```
//!
//! Both sides parse frames as hostile bytes: a length is checked before anything is kept, memory is only taken for
//! bytes that have arrived, and a message that does not fill its frame is none.

use std::io;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

/// Longest message between a worker and its parent, in bytes.
pub(crate) const MAX_MESSAGE: usize = 256 << 20;

/// Bytes that are asked for at once.
const READ_AHEAD: usize = 64 << 10;

/// Bytes of a buffer that are kept when it is empty.
const MAX_KEPT: usize = 1 << 20;

/// Bytes in front of a message.
const HEAD: usize = 4 + 16;

/// Why bytes are no frame. The other side is not to be trusted after one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a message of {length} bytes, where {most} are the most")]
    TooLong { length: usize, most: usize },
    #[error("the connection ended inside of a message")]
    Cut,
    #[error("a message that cannot be read")]
    Unreadable,
    #[error("{} bytes behind a message", .0)]
    Behind(usize),
    #[error("the connection failed: {0}")]
    System(#[from] io::Error),
}

/// A message that is too long to be sent.
#[derive(Debug, thiserror::Error)]
#[error("a message of a worker process, or to one, is longer than {MAX_MESSAGE} bytes")]
pub(crate) struct TooLong;

/// The frame of a message about a run; of none: 0.
///
/// # Errors
///
/// When the message is too long.
pub(crate) fn frame<M: Serialize>(run: u128, message: &M) -> Result<Vec<u8>, TooLong> {
    let mut head = vec![0; 4];
    head.extend_from_slice(&run.to_le_bytes());
    let mut frame = postcard::serialize_with_flavor(message, Growing(head)).map_err(|_| TooLong)?;
    let length = frame.len().saturating_sub(HEAD);
    if length > MAX_MESSAGE {
        return Err(TooLong);
    }
    let length = u32::try_from(length).map_err(|_| TooLong)?;
    if let Some(place) = frame.first_chunk_mut() {
        *place = length.to_le_bytes();
    }
    Ok(frame)
}

/// A buffer that takes bytes many at a time.
struct Growing(Vec<u8>);

impl Flavor for Growing {
    type Output = Vec<u8>;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Self::Output> {
        Ok(self.0)
    }
}

/// What has arrived and was not read yet.
#[derive(Default)]
pub(crate) struct Incoming {
    buffer: Vec<u8>,
    /// Bytes of it that were read.
    read: usize,
}

impl Incoming {
    /// The next frame that arrives; none when the connection has ended between two. `most` says how long a message
    /// about a run may be.
    ///
    /// # Errors
    ///
    /// What is no frame.
    pub(crate) async fn next<M: DeserializeOwned>(
        &mut self,
        stream: &UnixStream,
        most: impl Fn(u128) -> usize,
    ) -> Result<Option<(u128, M)>, FrameError> {
        loop {
            if let Some(message) = self.take(&most)? {
                return Ok(Some(message));
            }
            self.make_room();
            stream.readable().await?;
            match stream.try_read_buf(&mut self.buffer) {
                Ok(0) if self.buffer.is_empty() => return Ok(None),
                Ok(0) => return Err(FrameError::Cut),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A process that is killed with unread bytes resets its connection.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next frame, if all of it is there.
    pub(crate) fn take<M: DeserializeOwned>(
        &mut self,
        most: impl Fn(u128) -> usize,
    ) -> Result<Option<(u128, M)>, FrameError> {
        let arrived = self.buffer.get(self.read..).unwrap_or_default();
        let Some((head, rest)) = arrived.split_at_checked(HEAD) else {
            return Ok(None);
        };
        let (length, run) = head.split_at(4);
        let length = length.try_into().map_or(u32::MAX, u32::from_le_bytes);
        let run = run.try_into().map_or(0, u128::from_le_bytes);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let most = most(run).min(MAX_MESSAGE);
        if length > most {
            return Err(FrameError::TooLong { length, most });
        }
        let Some(message) = rest.get(..length) else {
            return Ok(None);
        };
        let read = postcard::take_from_bytes(message).map_err(|_| FrameError::Unreadable)?;
        let (message, behind) = read;
        if !behind.is_empty() {
            return Err(FrameError::Behind(behind.len()));
        }
        self.read = self.read.saturating_add(HEAD).saturating_add(length);
        Ok(Some((run, message)))
    }

    /// Adds bytes as if they had arrived.
    #[cfg(test)]
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn make_room(&mut self) {
        self.buffer.drain(..self.read);
        self.read = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > MAX_KEPT {
            self.buffer = Vec::new();
        }
        self.buffer.reserve(READ_AHEAD);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use wxmcp_run::{OwnedEvent, Stream};

    use crate::message::{FromWorker, Question, ToWorker};

    fn read<M: DeserializeOwned>(
        bytes: &[u8],
        most: usize,
    ) -> Result<Option<(u128, M)>, FrameError> {
        let mut incoming = Incoming::default();
        incoming.add(bytes);
        incoming.take(|_| most)
    }

    fn ask() -> Vec<u8> {
        let question = Question::Call {
            sequence: 1,
            name: "a.b".to_owned(),
            arguments: "{\"x\": 1e400}".to_owned(),
        };
        frame(7, &FromWorker::Ask { ask: 3, question }).unwrap()
    }

    #[test]
    fn a_frame_is_read_when_all_of_it_has_arrived() {
        let frame = ask();
        for length in 0..frame.len() {
            let read = read::<FromWorker>(&frame[..length], MAX_MESSAGE);
            assert!(matches!(read, Ok(None)), "{length}");
        }
        let mut incoming = Incoming::default();
        incoming.add(&frame);
        incoming.add(&frame);
        for _ in 0..2 {
            let read = incoming.take::<FromWorker>(|_| MAX_MESSAGE).unwrap();
            let Some((7, FromWorker::Ask { ask: 3, question })) = read else {
                panic!("another message");
            };
            assert!(
                matches!(question, Question::Call { arguments, .. } if arguments == "{\"x\": 1e400}")
            );
        }
        assert!(matches!(
            incoming.take::<FromWorker>(|_| MAX_MESSAGE),
            Ok(None)
        ));
    }

    #[test]
    fn a_length_is_refused_before_the_message_arrives() {
        let frame = ask();
        let length = frame.len() - HEAD;
        let exact = read::<FromWorker>(&frame, length);
        assert!(matches!(exact, Ok(Some(_))));
        let refused = read::<FromWorker>(&frame[..HEAD], length - 1);
        assert!(
            matches!(refused, Err(FrameError::TooLong { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn bytes_cross_as_they_are() {
        let bytes: Vec<u8> = (0..=255).collect();
        let output = FromWorker::Heard(OwnedEvent::Output {
            stream: Stream::Stderr,
            bytes: bytes.clone(),
        });
        let read = read::<FromWorker>(&frame(1, &output).unwrap(), MAX_MESSAGE).unwrap();
        let Some((
            1,
            FromWorker::Heard(OwnedEvent::Output {
                stream: Stream::Stderr,
                bytes: read,
            }),
        )) = read
        else {
            panic!("another message");
        };
        assert_eq!(read, bytes);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Whatever a message is, it is read or refused, on both sides.
        #[test]
        fn any_message_is_read_or_refused(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let length = u32::try_from(message.len()).unwrap_or_default().to_le_bytes();
            let bytes = [&length[..], &[1; 16], &message].concat();
            let _read = read::<FromWorker>(&bytes, MAX_MESSAGE);
            let _read = read::<ToWorker>(&bytes, MAX_MESSAGE);
        }

        /// A message that is changed in one place is read as another, or refused.
        #[test]
        fn a_changed_message_is_read_or_refused(place in 0..50_usize, byte in any::<u8>()) {
            let mut frame = ask();
            let place = place % frame.len();
            frame[place] = byte;
            let _read = read::<FromWorker>(&frame, MAX_MESSAGE);
        }
    }
}
