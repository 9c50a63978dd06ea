//! The sending side of an RTSP connection, shared by its responses and its interleaved media.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::TcpStream, sync::Notify, time::timeout};

/// Media is dropped while more than this waits for the peer: some seconds of the main stream.
pub(crate) const MAX_PENDING: usize = 512 * 1024;
/// A peer that takes nothing for this long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for the last bytes of a connection that the server closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What became of media handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Taken,
    /// The peer reads too slowly: nothing of it was queued.
    Full,
    /// The connection is closed.
    Gone,
}

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    sent: usize,
    closed: bool,
    /// Closed once all is sent.
    ending: bool,
    corked: bool,
}

pub(crate) struct Outgoing {
    pub stream: TcpStream,
    pending: Mutex<Pending>,
    changed: Notify,
}

/// Guard of [`Outgoing::cork`].
pub(crate) struct Cork(Arc<Outgoing>);

impl Drop for Cork {
    fn drop(&mut self) {
        self.0.pending().corked = false;
        if !matches!(self.0.step(), Ok(true)) {
            self.0.changed.notify_one();
        }
    }
}

impl Outgoing {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, pending: Mutex::default(), changed: Notify::new() }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether media would be taken now. Ask before numbering packets, so that a drop leaves no gap.
    pub fn room(&self) -> Pushed {
        let pending = self.pending();
        match pending.closed {
            true => Pushed::Gone,
            false if pending.bytes.len() - pending.sent > MAX_PENDING => Pushed::Full,
            false => Pushed::Taken,
        }
    }

    /// Sends bytes after everything before them; what the socket does not take at once is kept.
    pub fn push(&self, bytes: &[u8]) {
        let mut pending = self.pending();
        if pending.closed {
            return;
        }
        let mut rest = bytes;
        if pending.bytes.is_empty() && !pending.corked {
            // Straight to the socket: one system call and no second task to wake.
            while !rest.is_empty() {
                match self.stream.try_write(rest) {
                    Ok(count) => rest = &rest[count..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {
                        pending.closed = true;
                        break;
                    }
                }
            }
        }
        if !rest.is_empty() || pending.closed {
            pending.bytes.extend_from_slice(rest);
            if !pending.corked {
                self.changed.notify_one();
            }
        }
    }

    /// Collects what is pushed until the guard goes, then sends it at once: one system call for all that is due.
    pub fn cork(self: &Arc<Self>) -> Cork {
        self.pending().corked = true;
        Cork(self.clone())
    }

    /// Ends the connection; with `reset`, by RST instead of FIN.
    pub fn close(&self, reset: bool) {
        if reset {
            // A socket that is gone already needs no option.
            let _ = self.stream.set_zero_linger();
        }
        self.pending().closed = true;
        self.changed.notify_one();
    }

    /// Ends the connection once the peer has taken what is pending.
    pub fn end(&self) {
        self.pending().ending = true;
        self.changed.notify_one();
    }

    /// Sends what is pending for as long as the connection lives.
    pub async fn run(&self) {
        loop {
            match self.step() {
                Ok(true) if self.pending().ending => break,
                Ok(true) => self.changed.notified().await,
                Ok(false) => match timeout(WRITE_TIMEOUT, self.stream.writable()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => break,
                },
                Err(_) => break,
            }
        }
        self.pending().closed = true;
    }

    /// Sends the last bytes before a close, if the peer takes them soon.
    pub async fn finish(&self) {
        let sending = async {
            while let Ok(false) = self.step() {
                if self.stream.writable().await.is_err() {
                    break;
                }
            }
        };
        // A peer that does not read loses them, as it would with any server.
        let _ = timeout(CLOSE_TIMEOUT, sending).await;
    }

    /// Writes what the socket takes; true when nothing is left.
    fn step(&self) -> io::Result<bool> {
        let mut pending = self.pending();
        if pending.closed {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        while pending.sent < pending.bytes.len() {
            match self.stream.try_write(&pending.bytes[pending.sent..]) {
                Ok(count) => pending.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Keep the buffer from creeping: what is sent goes once it is the larger half.
                    if pending.sent > pending.bytes.len() / 2 {
                        let sent = std::mem::take(&mut pending.sent);
                        pending.bytes.drain(..sent);
                    }
                    return Ok(false);
                }
                Err(error) => {
                    pending.closed = true;
                    return Err(error);
                }
            }
        }
        pending.bytes.clear();
        pending.sent = 0;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    /// What waits is bounded while the peer does not read, and all that was taken arrives in order once it does.
    #[tokio::test]
    async fn a_slow_reader_costs_no_memory() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let out = Arc::new(Outgoing::new(listener.accept().await.unwrap().0));
        let mut taken = 0u64;
        let mut unit = vec![0u8; 32 * 1024];
        while out.room() == Pushed::Taken {
            unit[..8].copy_from_slice(&taken.to_be_bytes());
            out.push(&unit);
            taken += 1;
        }
        assert_eq!(out.room(), Pushed::Full);
        assert!(out.pending().bytes.len() <= MAX_PENDING + 2 * unit.len());
        let reading = async {
            for number in 0..taken {
                reader.read_exact(&mut unit).await.unwrap();
                assert_eq!(unit[..8], number.to_be_bytes());
            }
        };
        tokio::select! {
            () = out.run() => panic!("the connection lives"),
            ended = timeout(WRITE_TIMEOUT, reading) => ended.unwrap(),
        }
        assert_eq!(out.room(), Pushed::Taken);
        out.close(false);
        assert_eq!(out.room(), Pushed::Gone);
    }
}
