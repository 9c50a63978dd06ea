use bartizan_base::UtcMicros;

use crate::LiveStream;

/// From where a device can play what it recorded: the answer of [`crate::Driver::replay`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayPoint {
    /// Path and query of the RTSP stream that plays it.
    pub path: String,
    /// When the first picture was recorded, by our clock: the moment asked for, or the beginning of the next recording.
    pub starts: UtcMicros,
    /// The same moment by the device's clock, where the stream holds more than that and is asked for it (`Range: clock=`,
    /// ONVIF Streaming §6): it is for [`crate::StreamOpener::open_replay`]. `None` where the path says it all.
    pub range: Option<UtcMicros>,
}

/// A recording on its way from the device, in real time.
pub struct Replay {
    /// Its pictures.
    pub stream: Box<dyn LiveStream>,
    /// When the first of them was recorded, by the device's clock; `None` where it does not say.
    pub starts: Option<UtcMicros>,
}
