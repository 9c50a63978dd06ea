//! The sound of one tile on its way to the page: decoded where the page cannot, bounded, and told about.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bartizan_app::live::{Listener, Listening, SoundState};
use bartizan_base::UtcMicros;
use bartizan_device::SoundDescription;
use bartizan_media::{
    AudioCodec, AudioFrame,
    sound::PcmDecoder,
    wire::{self, Header, Kind},
};
use bytes::Bytes;
use tokio::sync::Notify;

use crate::dto;

/// Runs of sound that wait for the carrier, 1 to 3 s. A page that is further behind wants the newest.
const MOST_FRAMES: usize = 50;
/// Their bytes: a second of stereo at 48 kHz is 192 kB.
const MOST_BYTES: usize = 512 << 10;

/// A run of sound in the form that the page gets.
#[derive(Debug)]
struct Run {
    payload: Bytes,
    pts_us: i64,
    arrival: UtcMicros,
    discontinuity: bool,
}

/// What waits for the carrier.
#[derive(Debug, Default)]
struct Waiting {
    state: Option<dto::SoundState>,
    sent_state: Option<dto::SoundState>,
    runs: VecDeque<Run>,
    bytes: usize,
    decoder: Option<PcmDecoder>,
    /// The page plays what comes now.
    playable: bool,
    /// Runs were dropped.
    hole: bool,
}

/// A tile that is heard. Dropping it ends that.
pub(super) struct TileSound {
    waiting: Arc<Mutex<Waiting>>,
    _listening: Listening,
}

struct TileListener {
    waiting: Arc<Mutex<Waiting>>,
    ready: Arc<Notify>,
    formats: Vec<dto::SoundFormat>,
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In which form the page gets a coding.
pub(crate) fn sound_format(codec: AudioCodec) -> dto::SoundFormat {
    match codec {
        AudioCodec::Aac => dto::SoundFormat::Aac,
        AudioCodec::Opus => dto::SoundFormat::Opus,
        _ => dto::SoundFormat::Pcm,
    }
}

/// A frame in that form; `decoder` is that of its coding, where one is needed.
pub(crate) fn sound_payload(decoder: Option<&mut PcmDecoder>, frame: &AudioFrame) -> Bytes {
    match decoder {
        Some(decoder) => decoder.decode(frame).into_iter().flat_map(i16::to_le_bytes).collect(),
        None => frame.data.clone(),
    }
}

/// How people call a coding.
fn coding(description: &SoundDescription) -> String {
    match description.codec {
        AudioCodec::Pcmu => "G.711 µ-law".to_owned(),
        AudioCodec::Pcma => "G.711 A-law".to_owned(),
        AudioCodec::G726(bits, _) => format!("G.726 {} kbit/s", u32::from(bits) * 8),
        AudioCodec::L16 => "PCM".to_owned(),
        AudioCodec::Aac => "AAC".to_owned(),
        AudioCodec::Opus => "Opus".to_owned(),
        AudioCodec::Other => description.name.to_ascii_uppercase(),
    }
}

impl Listener for TileListener {
    fn sound_state(&self, state: &SoundState) {
        let told = dto_state(state, &self.formats);
        let mut waiting = lock(&self.waiting);
        waiting.decoder = match state {
            SoundState::Playing(description) => PcmDecoder::new(description.codec),
            _ => None,
        };
        waiting.playable = told.phase == dto::SoundPhase::Playing;
        waiting.state = Some(told);
        drop(waiting);
        self.ready.notify_one();
    }

    fn sound(&self, frame: &AudioFrame, discontinuity: bool) {
        let mut waiting = lock(&self.waiting);
        if !waiting.playable {
            return;
        }
        let payload = sound_payload(waiting.decoder.as_mut(), frame);
        if payload.is_empty() {
            return;
        }
        waiting.push(Run { payload, pts_us: frame.pts_us, arrival: frame.arrival, discontinuity });
        drop(waiting);
        self.ready.notify_one();
    }
}

impl Waiting {
    fn push(&mut self, run: Run) {
        self.bytes += run.payload.len();
        self.runs.push_back(run);
        while self.runs.len() > MOST_FRAMES || (self.bytes > MOST_BYTES && self.runs.len() > 1) {
            if let Some(dropped) = self.runs.pop_front() {
                self.bytes -= dropped.payload.len();
                self.hole = true;
            }
        }
    }
}

fn dto_state(state: &SoundState, formats: &[dto::SoundFormat]) -> dto::SoundState {
    let mut told = dto::SoundState {
        phase: dto::SoundPhase::Connecting,
        coding: None,
        format: None,
        sample_rate: 0,
        channels: 0,
        code: None,
        detail: None,
    };
    match state {
        SoundState::Connecting => {}
        SoundState::None => told.phase = dto::SoundPhase::None,
        SoundState::Unsupported(name) => {
            told.phase = dto::SoundPhase::Unsupported;
            told.coding = Some(name.to_ascii_uppercase());
        }
        SoundState::Failed { error, .. } => {
            told.phase = dto::SoundPhase::Failed;
            told.code = Some(error.code());
            told.detail = Some(error.detail().to_owned());
        }
        SoundState::Playing(description) => {
            let format = sound_format(description.codec);
            let played = format == dto::SoundFormat::Pcm || formats.contains(&format);
            told.phase = if played { dto::SoundPhase::Playing } else { dto::SoundPhase::Unsupported };
            told.coding = Some(coding(description));
            told.format = played.then_some(format);
            told.sample_rate = description.sample_rate_hz;
            told.channels = description.channels;
        }
    }
    told
}

impl TileSound {
    /// Begins to listen; `formats` are those that the page decodes beside PCM.
    pub(super) fn start(
        ready: &Arc<Notify>,
        formats: Vec<dto::SoundFormat>,
        listen: impl FnOnce(Arc<dyn Listener>) -> Listening,
    ) -> Self {
        let waiting = Arc::<Mutex<Waiting>>::default();
        let listener = TileListener { waiting: waiting.clone(), ready: ready.clone(), formats };
        Self { _listening: listen(Arc::new(listener)), waiting }
    }

    /// The next message, its header still without a number.
    pub(super) fn pop(&self, tile: u32, seq: u32) -> Option<Bytes> {
        let mut waiting = lock(&self.waiting);
        let mut header = Header { kind: Kind::SoundState, flags: 0, tile, seq, pts_us: 0.0, arrival_us: 0.0 };
        if let Some(state) = waiting.state.take() {
            let json = serde_json::to_vec(&state).unwrap_or_default();
            waiting.sent_state = Some(state);
            return Some(wire::encode(&header, &[&json]));
        }
        let run = waiting.runs.pop_front()?;
        waiting.bytes -= run.payload.len();
        let broken = std::mem::take(&mut waiting.hole) || run.discontinuity;
        header.kind = Kind::Sound;
        header.flags = u16::from(broken) * wire::DISCONTINUITY;
        header.pts_us = run.pts_us as f64;
        header.arrival_us = run.arrival.0 as f64;
        Some(wire::encode(&header, &[&run.payload]))
    }

    /// The carrier lost what was sent: tell the state again and go on at the present.
    pub(super) fn restart(&self) {
        let mut waiting = lock(&self.waiting);
        if waiting.state.is_none() {
            waiting.state = waiting.sent_state.clone();
        }
        waiting.runs.clear();
        waiting.bytes = 0;
        waiting.hole = true;
    }
}

#[cfg(test)]
mod tests {
    use bartizan_base::{Code, Error};
    use bartizan_media::g726::Packing;

    use super::*;

    fn description(codec: AudioCodec) -> SoundDescription {
        SoundDescription { codec, name: "x".into(), sample_rate_hz: 8000, channels: 1 }
    }

    fn frame(codec: AudioCodec, at: i64) -> AudioFrame {
        AudioFrame {
            codec,
            data: Bytes::from_static(&[0x80; 160]),
            pts_us: at,
            sample_rate_hz: 8000,
            channels: 1,
            arrival: UtcMicros(9),
        }
    }

    fn listener(formats: &[dto::SoundFormat]) -> (TileListener, Arc<Mutex<Waiting>>) {
        let waiting = Arc::<Mutex<Waiting>>::default();
        let ready = Arc::new(Notify::new());
        (TileListener { waiting: waiting.clone(), ready, formats: formats.to_vec() }, waiting)
    }

    #[test]
    fn speech_is_decoded_and_a_page_that_is_behind_gets_the_newest() {
        let (listener, waiting) = listener(&[]);
        listener.sound(&frame(AudioCodec::Pcmu, 0), false);
        assert!(lock(&waiting).runs.is_empty(), "nothing before its state");
        listener.sound_state(&SoundState::Playing(description(AudioCodec::Pcmu)));
        for at in 0..MOST_FRAMES as i64 + 3 {
            listener.sound(&frame(AudioCodec::Pcmu, at), false);
        }
        let waiting = lock(&waiting);
        let first = &waiting.runs[0];
        assert_eq!((waiting.runs.len(), first.pts_us, waiting.hole), (MOST_FRAMES, 3, true));
        assert_eq!(first.payload[..4], [0x7c, 0x7d, 0x7c, 0x7d], "32124, little-endian");
        assert_eq!(waiting.bytes, MOST_FRAMES * 320);
        let state = waiting.state.as_ref().unwrap();
        assert_eq!(
            (state.coding.as_deref(), state.format),
            (Some("G.711 µ-law"), Some(dto::SoundFormat::Pcm))
        );
    }

    #[test]
    fn what_the_page_cannot_play_is_told_and_not_sent() {
        let (deaf, waiting) = listener(&[dto::SoundFormat::Opus]);
        deaf.sound_state(&SoundState::Playing(description(AudioCodec::Aac)));
        deaf.sound(&frame(AudioCodec::Aac, 0), false);
        let state = lock(&waiting).state.clone().unwrap();
        assert_eq!((state.phase, state.coding.as_deref()), (dto::SoundPhase::Unsupported, Some("AAC")));
        assert!(lock(&waiting).runs.is_empty());
        let (able, waiting) = listener(&[dto::SoundFormat::Aac]);
        able.sound_state(&SoundState::Playing(description(AudioCodec::Aac)));
        able.sound(&frame(AudioCodec::Aac, 0), false);
        assert_eq!(lock(&waiting).runs[0].payload, Bytes::from_static(&[0x80; 160]), "as it came");
    }

    #[test]
    fn states_in_the_words_of_the_wire() {
        let told = |state| dto_state(&state, &[]);
        assert_eq!(told(SoundState::None).phase, dto::SoundPhase::None);
        assert_eq!(told(SoundState::Unsupported("g723".into())).coding.as_deref(), Some("G723"));
        let error = Error::new(Code::TooManySessions, "453");
        assert_eq!(told(SoundState::Failed { error, retries: true }).code, Some(Code::TooManySessions));
        let g726 = told(SoundState::Playing(description(AudioCodec::G726(4, Packing::LowFirst))));
        assert_eq!(g726.coding.as_deref(), Some("G.726 32 kbit/s"));
    }
}
