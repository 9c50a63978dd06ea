//! `/ISAPI/System/TwoWayAudio`: one session a device, as cameras have it.

use super::{Call, ISAPI20, Isapi, Outcome, document};
use crate::{
    ear::SpeechCoding,
    front::{Admission, Ask},
    speech::Greeting,
};

pub(super) fn answer(isapi: &Isapi, call: &Call<'_>) -> Outcome {
    let unit = &isapi.unit;
    let mut open = isapi.talk.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match (call.method, &call.path[2..]) {
        ("GET", ["channels"]) => {
            let rows: Vec<String> = (1..=unit.channels())
                .map(|id| {
                    format!(
                        "<TwoWayAudioChannel><id>{id}</id><enabled>true</enabled>\
                         <audioCompressionType>G.711ulaw</audioCompressionType><speakerVolume>50</speakerVolume>\
                         </TwoWayAudioChannel>"
                    )
                })
                .collect();
            Outcome::Document(document("TwoWayAudioChannelList", ISAPI20, &rows.join("\n")))
        }
        ("PUT", ["channels", id, "open"]) if id.parse().is_ok_and(|id| unit.has(id)) => {
            if open.is_some() {
                return if unit.ear().heard().open > 0 {
                    Outcome::Status(503, 2, "deviceBusy")
                } else {
                    // Nobody talks, but nobody said goodbye either.
                    Outcome::Status(400, 3, "deviceError")
                };
            }
            let session = bartizan_base::random_token()[..8].to_owned();
            let inner = format!("<sessionId>{session}</sessionId>");
            *open = Some(session);
            Outcome::Document(document("TwoWayAudioSession", ISAPI20, &inner))
        }
        ("PUT", ["channels", _, "close"]) => {
            *open = None;
            Outcome::OK
        }
        _ => Outcome::NOT_SUPPORTED,
    }
}

pub(super) fn is_speech(line: &str) -> bool {
    line.starts_with("PUT /ISAPI/System/TwoWayAudio/channels/") && line.contains("/audioData")
}

pub(super) fn greet(isapi: &Isapi, ask: &Ask) -> Greeting {
    let refuse = |http, code, sub| Greeting::Refuse(isapi.status(ask.path(), http, code, sub));
    if isapi.login.admit(ask) != Admission::Granted || isapi.unit.knobs().mute {
        let reply = isapi.status(ask.path(), 401, 4, "notAuthorized");
        return Greeting::Refuse(reply.challenged(isapi.login.challenges(false)));
    }
    let session = ask.query().into_iter().find(|(key, _)| key == "sessionId").map(|(_, value)| value);
    let open = isapi.talk.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    if open.is_none() || open != session {
        return refuse(403, 4, "invalidOperation");
    }
    match isapi.unit.ear().answer(SpeechCoding::Ulaw) {
        // Answered first; then the connection carries speech alone.
        Some(call) => Greeting::Listen(call, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        None => refuse(503, 2, "deviceBusy"),
    }
}
