//! The loudspeaker of a simulated device: one caller at a time, and what it heard is kept for tests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bartizan_media::g711::{decode_alaw, decode_ulaw};

/// How much of what was heard is kept: ten seconds at 8 kHz.
const KEPT: usize = 80_000;

/// The coding of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechCoding {
    /// G.711 µ-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
}

/// What a loudspeaker played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Calls so far.
    pub calls: u64,
    /// Calls under way, 0 or 1.
    pub open: u32,
    /// Samples so far, at 8 kHz.
    pub samples: u64,
    /// The last ten seconds of them.
    pub last: VecDeque<i16>,
}

impl Heard {
    /// The loudest of the last samples, 0..32768.
    pub fn loudest(&self) -> u16 {
        self.last.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
    }
}

/// The loudspeaker.
#[derive(Debug, Default)]
pub struct Ear(Mutex<Heard>);

impl Ear {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it heard so far.
    pub fn heard(&self) -> Heard {
        self.lock().clone()
    }

    /// Takes a call; `None` while another is under way.
    pub(crate) fn answer(self: &Arc<Self>, coding: SpeechCoding) -> Option<Call> {
        let mut heard = self.lock();
        if heard.open > 0 {
            return None;
        }
        heard.open += 1;
        heard.calls += 1;
        Some(Call { ear: self.clone(), coding })
    }
}

/// A call under way; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Call {
    ear: Arc<Ear>,
    coding: SpeechCoding,
}

impl Call {
    pub fn hear(&self, speech: &[u8]) {
        let mut heard = self.ear.lock();
        heard.samples += speech.len() as u64;
        let decode = match self.coding {
            SpeechCoding::Ulaw => decode_ulaw,
            SpeechCoding::Alaw => decode_alaw,
        };
        heard.last.extend(speech.iter().map(|&byte| decode(byte)));
        let over = heard.last.len().saturating_sub(KEPT);
        heard.last.drain(..over);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.ear.lock().open -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_at_a_time() {
        let ear = Arc::new(Ear::default());
        let call = ear.answer(SpeechCoding::Ulaw).expect("nobody talks yet");
        assert!(ear.answer(SpeechCoding::Alaw).is_none(), "somebody does");
        call.hear(&[0x80, 0xff]);
        drop(call);
        let heard = ear.heard();
        assert_eq!((heard.calls, heard.open, heard.samples, heard.loudest()), (1, 0, 2, 32_124));
        let call = ear.answer(SpeechCoding::Alaw);
        call.expect("free again").hear(&vec![0xd5; KEPT + 5]);
        assert_eq!(ear.heard().last.len(), KEPT);
    }
}
