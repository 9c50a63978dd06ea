use async_trait::async_trait;
use bartizan_base::Result;
use bytes::Bytes;

/// How speech to a device is coded: G.711 at 8 kHz, mono, one byte a sample. Every way to talk knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TalkCoding {
    /// µ-law.
    Pcmu,
    /// A-law.
    Pcma,
}

/// Samples per second of [`TalkCoding`].
pub const TALK_RATE_HZ: u32 = 8000;

/// An open way to the loudspeaker of a device, which it keeps busy for everybody else. Dropping it hangs up in the
/// background; [`TalkLine::close`] waits for it.
#[async_trait]
pub trait TalkLine: Send {
    /// What [`TalkLine::send`] takes.
    fn coding(&self) -> TalkCoding;

    /// Speech as it is spoken, in pieces of up to a tenth of a second. Bounds its own time; an error ends the call.
    async fn send(&mut self, speech: Bytes) -> Result<()>;

    /// Hangs up, waiting a bounded time for the device to agree.
    async fn close(self: Box<Self>);
}
