//! Talking to a camera: G.711 in one endless POST to `audio.cgi?action=postAudio`.

use async_trait::async_trait;
use bartizan_base::Result;
use bartizan_device::{TalkCoding, TalkLine};
use bartizan_http::{HttpError, Request, Upload};
use bytes::Bytes;

use crate::{device::Device, error::DahuaError, query::Query, text::Values};

/// What the device is told of the length: more than anybody says in one go, bytes.
const LENGTH: u64 = 9_999_999;

/// Calls a channel's speaker.
pub(crate) async fn open(device: &Device, channel: u16) -> Result<Box<dyn TalkLine>, DahuaError> {
    if !device.cgi {
        return Err(DahuaError::not_offered("talk: its firmware refuses CGI logins"));
    }
    // Asked for its answer, and because the login must be proven before a body that cannot be sent twice.
    let outputs = device.optional(&Query::new("devAudioOutput", "getCollect")).await?;
    if has_none(outputs.as_ref()) {
        return Err(DahuaError::not_offered("a loudspeaker"));
    }
    let query = Query::new("audio", "postAudio").with("httptype", "singlepart").with("channel", channel);
    let request = Request::post(query.as_str(), "").content_type("Audio/G.711A");
    let upload = device.client.upload(&request, LENGTH).await.map_err(|error| meaning(error, &query))?;
    Ok(Box::new(Line(upload)))
}

/// Only a clear zero says that nobody would hear anything: many firmwares do not know the question.
fn has_none(outputs: Option<&Values>) -> bool {
    outputs.and_then(|outputs| outputs.number::<u32>("result")) == Some(0)
}

fn meaning(error: HttpError, query: &Query) -> DahuaError {
    match error {
        // What the firmware does not know is a bad request to it.
        HttpError::Answered { status: 400 | 404 | 501, .. } => DahuaError::not_offered(query.label()),
        error => error.into(),
    }
}

struct Line(Upload);

#[async_trait]
impl TalkLine for Line {
    fn coding(&self) -> TalkCoding {
        TalkCoding::Pcma
    }

    async fn send(&mut self, speech: Bytes) -> Result<()> {
        Ok(self.0.send(speech).await.map_err(DahuaError::from)?)
    }

    /// The end of the connection is the end of the call.
    async fn close(self: Box<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_without_a_loudspeaker() {
        for (answer, wanted) in [("result=0", true), ("result=1", false), ("x=1", false)] {
            assert_eq!(has_none(Some(&Values::parse(answer).unwrap())), wanted, "{answer}");
        }
        assert!(!has_none(None));
    }
}
