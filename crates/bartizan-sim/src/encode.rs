//! H.264 encoding, tuned for cheapness rather than for size.

use std::{io, time::Duration};

use bartizan_media::nal::{self, h264};
use bytes::Bytes;
use openh264::{
    OpenH264API,
    encoder::{
        Complexity, Encoder, EncoderConfig, FrameRate, IntraFramePeriod, Profile, QpRange, RateControlMode,
        SpsPpsStrategy, UsageType,
    },
    formats::YUVSource,
};

use crate::{rtp, scene::paint::I420, unit::Encoding};

impl YUVSource for I420 {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width, self.width / 2, self.width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.y
    }

    fn u(&self) -> &[u8] {
        &self.u
    }

    fn v(&self) -> &[u8] {
        &self.v
    }
}

/// One compressed picture, cut into RTP payloads once for all its viewers.
#[derive(Clone, Debug)]
pub(crate) struct Packets {
    pub payloads: Vec<Bytes>,
    pub key: bool,
}

impl Packets {
    /// From an access unit in Annex B.
    pub fn from_annex_b(access_unit: &[u8]) -> Self {
        // Access unit delimiters say nothing that the marker bit does not.
        let units = || nal::split(access_unit).filter(|unit| h264::unit_type(unit) != Some(h264::AUD));
        let key = units().any(|unit| h264::unit_type(unit) == Some(h264::IDR));
        Self { payloads: rtp::packetize(units()), key }
    }
}

pub(crate) fn other(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// An encoder for one stream.
pub(crate) struct SceneEncoder {
    encoder: Encoder,
    gop_frames: u32,
    since_key: u32,
    started: bool,
}

impl SceneEncoder {
    pub fn new(encoding: Encoding, gop: Duration) -> io::Result<Self> {
        let format = encoding.format();
        let usual = if format.height >= 540 { 2_500_000 } else { 600_000 };
        let bits = encoding.kbps.map_or(usual, |rate| rate.saturating_mul(1000));
        // Without rate control every picture has the same quality and no macroblock needs statistics.
        let control = if encoding.kbps.is_some() { RateControlMode::Bitrate } else { RateControlMode::Off };
        let coarsest = if encoding.kbps.is_some() { 51 } else { 40 };
        let config = EncoderConfig::new()
            .profile(Profile::Baseline)
            .complexity(Complexity::Low)
            .usage_type(UsageType::CameraVideoRealTime)
            .rate_control_mode(control)
            .bitrate(openh264::encoder::BitRate::from_bps(bits))
            .max_frame_rate(FrameRate::from_hz(format.fps as f32))
            .intra_frame_period(IntraFramePeriod::from_num_frames(0))
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .qp(QpRange::new(20, coarsest))
            .skip_frames(false)
            .scene_change_detect(false)
            .adaptive_quantization(false)
            .background_detection(false)
            .long_term_reference(false)
            .num_threads(1);
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config).map_err(other)?;
        let gop_frames = encoding.gop.unwrap_or_else(|| format.gop_frames(gop));
        Ok(Self { encoder, gop_frames, since_key: 0, started: false })
    }

    /// Pictures since the last key frame.
    pub fn since_key(&self) -> u32 {
        self.since_key
    }

    /// Compresses one picture to an Annex B access unit; a key frame when the GOP is full or `force_key`.
    pub fn encode(&mut self, picture: &I420, force_key: bool) -> io::Result<Vec<u8>> {
        let key = !self.started || force_key || self.since_key + 1 >= self.gop_frames;
        // The first picture is an IDR by itself, and the call needs an encoder that has seen one.
        if key && self.started {
            self.encoder.force_intra_frame();
        }
        self.started = true;
        self.since_key = if key { 0 } else { self.since_key + 1 };
        Ok(self.encoder.encode(picture).map_err(other)?.to_vec())
    }
}

/// SPS and PPS without start codes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct ParameterSets {
    pub sps: Vec<u8>,
    pub pps: Vec<u8>,
}

impl ParameterSets {
    /// The first of each in an Annex B stream.
    pub fn find(annex_b: &[u8]) -> Option<Self> {
        let find = |kind| nal::split(annex_b).find(|unit| h264::unit_type(unit) == Some(kind));
        Some(Self { sps: find(h264::SPS)?.to_vec(), pps: find(h264::PPS)?.to_vec() })
    }

    /// Those the scene encoder will produce.
    pub fn of_encoder(encoding: Encoding, gop: Duration) -> io::Result<Self> {
        let picture = I420::grey(encoding.width, encoding.height);
        let stream = SceneEncoder::new(encoding, gop)?.encode(&picture, true)?;
        Self::find(&stream).ok_or_else(|| other("the encoder gave no parameter sets"))
    }
}

#[cfg(test)]
mod tests {
    use bartizan_media::read_sps;
    use openh264::decoder::Decoder;

    use super::*;
    use crate::{config::Format, scene::Scene, timebar};

    /// What is drawn can be read off what a decoder shows, at both sizes and in every picture of two GOPs.
    #[test]
    fn the_time_survives_coding() {
        for (width, height, fps) in [(640, 360, 15), (1280, 720, 25)] {
            let format = Format { width, height, fps };
            let mut scene = Scene::new(3, width, height);
            let mut encoder = SceneEncoder::new(Encoding::plain(format), Duration::from_secs(1)).unwrap();
            let mut decoder = Decoder::new().unwrap();
            let mut keys = 0;
            for index in 0..u64::from(fps) * 2 {
                let ms = 1_795_219_199_000 + format.offset(index).as_millis() as u64;
                let stream = encoder.encode(scene.draw(ms), false).unwrap();
                keys += u32::from(nal::is_h264_random_access(&stream));
                let picture = decoder.decode(&stream).unwrap().expect("a picture for each access unit");
                let (stride, ..) = picture.strides();
                assert_eq!(picture.dimensions(), (width, height));
                assert_eq!(timebar::read(picture.y(), width, height, stride), Some(ms));
            }
            assert_eq!(keys, 2);
        }
    }

    #[test]
    fn announced_parameter_sets_are_the_real_ones() {
        let format = Encoding::plain(Format { width: 640, height: 360, fps: 15 });
        let gop = Duration::from_secs(1);
        let announced = ParameterSets::of_encoder(format, gop).unwrap();
        let info = read_sps(&announced.sps).unwrap();
        assert_eq!((info.width, info.height, info.interlaced), (640, 360, false));
        let mut encoder = SceneEncoder::new(format, gop).unwrap();
        let mut scene = Scene::new(1, 640, 360);
        for force in [false, false, true] {
            let stream = encoder.encode(scene.draw(5), force).unwrap();
            let sets = ParameterSets::find(&stream);
            assert!(sets.is_none_or(|sets| sets == announced));
        }
    }

    /// A stream told to be small is small, and one told to be large is larger.
    #[test]
    fn the_rate_is_held() {
        let bytes = |kbps: u32| {
            let format = Format { width: 640, height: 360, fps: 10 };
            let encoding =
                Encoding { kbps: Some(kbps), constant: true, gop: Some(10), ..Encoding::plain(format) };
            let mut encoder = SceneEncoder::new(encoding, Duration::from_secs(1)).unwrap();
            let mut scene = Scene::new(5, 640, 360);
            let pictures = (0..30u64).map(|index| {
                encoder.encode(scene.draw(format.offset(index).as_millis() as u64), false).unwrap().len()
            });
            pictures.sum::<usize>()
        };
        let (small, large) = (bytes(64), bytes(1024));
        assert!(small * 2 < large, "{small} and {large} bytes");
    }
}
