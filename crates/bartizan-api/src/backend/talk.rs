//! What crosses for talking.

use bartizan_app::{LONGEST_SPEECH, TALK_HOLD, Talk, device::TALK_RATE_HZ};
use bartizan_base::{ChannelId, Code, Error, Result};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::dto;

pub(super) async fn start(talk: &Talk, channel: &ChannelId) -> Result<dto::TalkState> {
    let id = talk.start(channel).await?;
    let hold_ms = u32::try_from(TALK_HOLD.as_millis()).unwrap_or(u32::MAX);
    Ok(dto::TalkState { talk: id, sample_rate_hz: TALK_RATE_HZ, hold_ms })
}

pub(super) fn send(talk: &Talk, request: &dto::TalkSound) -> Result<dto::Empty> {
    talk.send(&request.talk, samples(&request.pcm)?)?;
    Ok(dto::Empty {})
}

fn samples(pcm: &str) -> Result<Vec<i16>> {
    let wrong = |why: &'static str| Error::new(Code::InvalidInput, why);
    // Looked at before it is decoded: nothing of any size is taken on trust.
    if pcm.len() > LONGEST_SPEECH * 3 {
        return Err(wrong("more than half a second of speech at once"));
    }
    let bytes = BASE64.decode(pcm).map_err(|_| wrong("speech is not Base64"))?;
    if bytes.len() % 2 != 0 {
        return Err(wrong("speech is not whole samples"));
    }
    Ok(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_as_it_crosses() {
        assert_eq!(samples("AQD//w==").unwrap(), [1, -1]);
        assert!(samples("").unwrap().is_empty());
        let long = BASE64.encode(vec![0; LONGEST_SPEECH * 3]);
        for wrong in ["AQ==", "%", long.as_str()] {
            assert_eq!(samples(wrong).unwrap_err().code(), Code::InvalidInput);
        }
    }
}
