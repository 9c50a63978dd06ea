use bartizan_base::{Code, Error};

/// Where in the life of a session an error came up; the same status means different things at different times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Connecting and DESCRIBE, with or without a password.
    Describe { with_password: bool },
    /// SETUP and PLAY, with or without a password.
    Setup { with_password: bool },
    /// Media flows.
    Playing,
}

/// Gives an error of retina its reason.
///
/// retina 0.4.21 hides its error enum: only the RTSP status can be asked for, and the rest is told apart by how each
/// variant prints. This is the only place that looks at that text; the tests pin it.
pub(crate) fn classify(error: &retina::Error, stage: Stage) -> Error {
    let text = error.to_string();
    // The text goes on with connection and message context; the first line says what happened.
    let detail = text.lines().next().unwrap_or_default().to_owned();
    let code = match error.status_code() {
        Some(status) => from_status(status, stage),
        None if text.starts_with("Unable to connect") => from_connect(&text),
        None if text.starts_with("Timeout") => Code::Timeout,
        None if text.starts_with("RTSP framing error") => match stage {
            Stage::Describe { .. } => Code::NotRtsp,
            _ => Code::Protocol,
        },
        None if text.starts_with("Error reading from RTSP peer")
            || text.starts_with("Error writing to RTSP peer")
            || text.starts_with("Error receiving UDP packet") =>
        {
            Code::Disconnected
        }
        None if text.starts_with("Invalid argument") => Code::InvalidAddress,
        None if text.starts_with("Unsupported") => Code::UnsupportedCodec,
        None => Code::Protocol,
    };
    Error::new(code, detail)
}

fn from_connect(text: &str) -> Code {
    if text.contains("lookup address") || text.contains("Name or service not known") {
        Code::HostUnknown
    } else {
        Code::Unreachable
    }
}

/// RFC 2326 §11 and what devices mean by it.
pub(crate) fn from_status(status: u16, stage: Stage) -> Code {
    let with_password = match stage {
        Stage::Describe { with_password } | Stage::Setup { with_password } => with_password,
        // The password worked a moment ago: a 401 now is an expired nonce, and a new session heals it.
        Stage::Playing if status == 401 => return Code::Disconnected,
        Stage::Playing => true,
    };
    match status {
        401 if with_password => Code::WrongPassword,
        401 => Code::PasswordNeeded,
        // Recorders answer 403 to a known account that is locked or over its limit of users.
        403 if with_password => Code::Locked,
        403 => Code::Forbidden,
        423 => Code::Locked,
        404 | 410 => Code::NoSuchStream,
        // Some cameras answer an unknown path with 400, 451 or 454 instead of 404; all say "not this URL".
        400 | 451 if matches!(stage, Stage::Describe { .. }) => Code::NoSuchStream,
        408 => Code::Timeout,
        453 | 503 => Code::TooManySessions,
        415 | 551 => Code::UnsupportedCodec,
        _ => Code::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_mean_what_devices_mean() {
        let first = Stage::Describe { with_password: false };
        let with = Stage::Describe { with_password: true };
        for (status, stage, code) in [
            (401, first, Code::PasswordNeeded),
            (401, with, Code::WrongPassword),
            (401, Stage::Playing, Code::Disconnected),
            (403, first, Code::Forbidden),
            (403, with, Code::Locked),
            (404, with, Code::NoSuchStream),
            (453, Stage::Setup { with_password: true }, Code::TooManySessions),
            (500, with, Code::Protocol),
        ] {
            assert_eq!(from_status(status, stage), code, "{status} {stage:?}");
        }
    }
}
