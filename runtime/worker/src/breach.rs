//! What workers may not say.

/// What a worker said that it may not say. It is ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Breach {
    #[error("it spoke of a run that it does not have")]
    UnknownRun,
    #[error("it spoke of no run where one is needed")]
    NoRun,
    #[error("it used the number of a question twice")]
    SameAsk,
    #[error("its run asked for more at once than it may")]
    TooManyAsks,
    #[error("its run made more calls than it may")]
    TooManyCalls,
    #[error("its run printed more than it may")]
    TooMuchOutput,
    #[error("its run returned more than it may")]
    TooLargeReport,
    #[error("it sent an event that is too long")]
    TooLongEvent,
    #[error("it told how far a call is that its parent answers")]
    NotItsEvent,
    #[error("it sent an outcome that is none")]
    NoOutcome,
    #[error("it recorded a run that is not to be recorded")]
    NotRecorded,
    #[error("it sent too much of a recording at once")]
    TooLongRecording,
}
