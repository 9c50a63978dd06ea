//! Two-way audio (`/ISAPI/System/TwoWayAudio/channels`): what is said goes up as raw G.711 in one endless PUT.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bartizan_base::{Code, Error, Result};
use bartizan_device::{DeviceClass, TalkCoding, TalkLine};
use bartizan_http::{HttpError, Request, Upload, xml::Element};
use bytes::Bytes;
use tokio::time::timeout;

use crate::{IsapiError, link::Link};

const CHANNELS: &str = "/ISAPI/System/TwoWayAudio/channels";
/// Both tries of the farewell together.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
const CLOSE_TRIES: u32 = 2;

/// One `TwoWayAudioChannel`.
#[derive(Debug, PartialEq, Eq)]
struct Speaker {
    id: u16,
    enabled: bool,
    coding: String,
}

fn speakers(root: &Element) -> Vec<Speaker> {
    root.children("TwoWayAudioChannel")
        .filter_map(|one| {
            Some(Speaker {
                id: one.parse_text("id")?,
                enabled: one.text("enabled").is_none_or(|word| word.eq_ignore_ascii_case("true")),
                coding: one.text("audioCompressionType").unwrap_or("").to_owned(),
            })
        })
        .collect()
}

/// The speaker of a channel. A recorder that lists one has it in its own case, not at the camera.
fn of_channel(all: Vec<Speaker>, channel: u16, class: DeviceClass) -> Option<Speaker> {
    if class == DeviceClass::Recorder && all.len() < 2 {
        return None;
    }
    let alone = all.len() == 1;
    all.into_iter().find(|one| one.id == channel || (alone && channel == 1))
}

/// `G.711ulaw`, `G.711alaw`, in the spellings of the firmwares.
fn coding(word: &str) -> Option<TalkCoding> {
    let word: String =
        word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match word.as_str() {
        "g711ulaw" | "g711mulaw" | "g711u" | "pcmu" => Some(TalkCoding::Pcmu),
        "g711alaw" | "g711a" | "pcma" => Some(TalkCoding::Pcma),
        _ => None,
    }
}

/// An id as a device gives it, made fit for a query.
fn session_of(root: &Element) -> String {
    let id = root.text("sessionId").unwrap_or("");
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(64).collect()
}

/// Calls a channel's speaker.
pub(crate) async fn open(link: Arc<Link>, channel: u16, class: DeviceClass) -> Result<Box<dyn TalkLine>> {
    let none = || Error::new(Code::NotOffered, "the device lists no speaker for this channel");
    let root = link.get_optional(CHANNELS).await?.ok_or_else(none)?;
    let speaker = of_channel(speakers(&root), channel, class).ok_or_else(none)?;
    if !speaker.enabled {
        return Err(Error::new(Code::NotOffered, "two-way audio is switched off in the device"));
    }
    let Some(coding) = coding(&speaker.coding) else {
        let words = format!("the device's two-way audio is set to {}, not to G.711", speaker.coding);
        return Err(Error::new(Code::UnsupportedCodec, words));
    };
    let path = format!("{CHANNELS}/{}", speaker.id);
    let session = begin(&link, &path).await?;
    let query = if session.is_empty() { String::new() } else { format!("?sessionId={session}") };
    // No length is what devices of this family take for an endless one.
    let request =
        Request::put(format!("{path}/audioData{query}"), "").content_type("application/octet-stream");
    match link.client().upload(&request, 0).await {
        Ok(upload) => Ok(Box::new(Line { upload, coding, farewell: Farewell { link, path } })),
        Err(error) => {
            Farewell { link, path }.say().await;
            Err(meaning(error))
        }
    }
}

/// Opens the session. One that nobody ended keeps the device from opening another, so what is not plainly a second
/// caller is closed and tried once more.
async fn begin(link: &Link, path: &str) -> Result<String, IsapiError> {
    let open = || link.exchange(Request::put(format!("{path}/open"), ""));
    let root = match open().await {
        Err(error @ IsapiError::Refused { .. })
            if !matches!(error.code(), Code::DeviceBusy | Code::TooManySessions | Code::Forbidden) =>
        {
            link.note(format!("two-way audio was closed before it could be opened: {error}"));
            link.put(&format!("{path}/close"), None).await?;
            open().await?
        }
        other => other?,
    };
    Ok(session_of(&root))
}

fn meaning(error: HttpError) -> Error {
    match error {
        // The login was taken a moment ago: what is refused is the coding, or a second caller.
        HttpError::Answered { status: 403, .. } => Error::new(Code::DeviceBusy, error.to_string()),
        error => error.into(),
    }
}

struct Farewell {
    link: Arc<Link>,
    path: String,
}

impl Farewell {
    async fn say(self) {
        let path = format!("{}/close", self.path);
        let saying = async {
            for _ in 0..CLOSE_TRIES {
                if self.link.put(&path, None).await.is_ok() {
                    return;
                }
            }
        };
        if timeout(CLOSE_LIMIT, saying).await.is_err() {
            self.link.note("two-way audio could not be closed");
        }
    }
}

struct Line {
    upload: Upload,
    coding: TalkCoding,
    farewell: Farewell,
}

#[async_trait]
impl TalkLine for Line {
    fn coding(&self) -> TalkCoding {
        self.coding
    }

    async fn send(&mut self, speech: Bytes) -> Result<()> {
        self.upload.send(speech).await.map_err(meaning)
    }

    async fn close(self: Box<Self>) {
        let Self { upload, farewell, .. } = *self;
        drop(upload);
        farewell.say().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "<TwoWayAudioChannelList xmlns=\"x\"><TwoWayAudioChannel><id>1</id><enabled>true</enabled>\
        <audioCompressionType>G.711ulaw</audioCompressionType></TwoWayAudioChannel><TwoWayAudioChannel><id>2</id>\
        <enabled>false</enabled><audioCompressionType>G.722.1</audioCompressionType></TwoWayAudioChannel>\
        </TwoWayAudioChannelList>";

    #[test]
    fn speakers_of_channels() {
        let all = || speakers(&Element::parse(LIST.as_bytes()).unwrap());
        let first = of_channel(all(), 1, DeviceClass::Recorder).expect("listed");
        assert_eq!((first.id, coding(&first.coding)), (1, Some(TalkCoding::Pcmu)));
        let second = of_channel(all(), 2, DeviceClass::Recorder).expect("listed");
        assert_eq!((second.enabled, coding(&second.coding)), (false, None));
        assert_eq!(of_channel(all(), 3, DeviceClass::Recorder), None);
        let alone = || all().into_iter().take(1).collect();
        assert_eq!(of_channel(alone(), 1, DeviceClass::Recorder), None, "the recorder's own");
        assert!(of_channel(alone(), 1, DeviceClass::Camera).is_some());
    }

    #[test]
    fn spellings_of_g711() {
        for (word, wanted) in [
            ("G.711ulaw", Some(TalkCoding::Pcmu)),
            ("G.711alaw", Some(TalkCoding::Pcma)),
            ("g711-a", Some(TalkCoding::Pcma)),
            ("AAC", None),
            ("", None),
        ] {
            assert_eq!(coding(word), wanted, "{word}");
        }
        let root =
            Element::parse(b"<TwoWayAudioSession><sessionId>a b&amp;1-2</sessionId></TwoWayAudioSession>");
        assert_eq!(session_of(&root.unwrap()), "ab1-2");
    }
}
