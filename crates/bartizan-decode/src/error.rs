use bartizan_base::Code;

/// Why pictures do not come out of a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The sequence parameter set allows field pictures or MBAFF (`frame_mbs_only_flag` = 0).
    #[error("the stream is interlaced")]
    Interlaced,
    /// The coding standard, profile or format is outside what openh264 decodes.
    #[error("unsupported stream: {0}")]
    Unsupported(String),
    /// The bytes are torn or break the standard. The next random access point may be good again.
    #[error("corrupt access unit: {0}")]
    Corrupt(String),
    /// openh264 could not be set up.
    #[error("the decoder could not be created: {0}")]
    Create(String),
}

impl DecodeError {
    /// The reason in the vocabulary of the layers above.
    pub fn code(&self) -> Code {
        match self {
            DecodeError::Interlaced => Code::Interlaced,
            DecodeError::Unsupported(_) => Code::UnsupportedCodec,
            DecodeError::Corrupt(_) => Code::DecoderFailed,
            DecodeError::Create(_) => Code::Internal,
        }
    }

    /// True when later access units of the same stream cannot help.
    pub fn is_final(&self) -> bool {
        matches!(self, DecodeError::Interlaced | DecodeError::Unsupported(_))
    }
}

impl From<DecodeError> for bartizan_base::Error {
    fn from(error: DecodeError) -> Self {
        bartizan_base::Error::new(error.code(), error.to_string())
    }
}
