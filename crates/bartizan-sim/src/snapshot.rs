//! Still pictures of what a unit's camera sees.

use std::io;

use bartizan_base::{Clock, SystemClock};
use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};

use crate::{
    encode::other,
    scene::{Scene, paint::I420},
    unit::Unit,
};

const QUALITY: u8 = 85;

/// A JPEG of a channel as it is now. Paints a scene, so it belongs on a blocking thread.
pub(crate) fn jpeg(unit: &Unit, channel: u16, width: usize, height: usize) -> io::Result<Vec<u8>> {
    let (width, height) = (width & !1, height & !1);
    let utc_ms = SystemClock.now().millis().max(0) as u64;
    let mut scene = Scene::named(channel, unit.channel_name(channel), width, height);
    let painted = scene.draw(utc_ms);
    let view = unit.scene(channel);
    let mut seen = painted.clone();
    if !view.is_plain() {
        view.show(painted, &mut seen, utc_ms);
    }
    let mut out = Vec::new();
    let size = (u32::try_from(width).map_err(other)?, u32::try_from(height).map_err(other)?);
    JpegEncoder::new_with_quality(&mut out, QUALITY)
        .encode(&rgb(&seen), size.0, size.1, ExtendedColorType::Rgb8)
        .map_err(other)?;
    Ok(out)
}

/// BT.601, studio range.
fn rgb(picture: &I420) -> Vec<u8> {
    let mut out = Vec::with_capacity(picture.width * picture.height * 3);
    for row in 0..picture.height {
        for column in 0..picture.width {
            let chroma = row / 2 * (picture.width / 2) + column / 2;
            let y = (f32::from(picture.y[row * picture.width + column]) - 16.0) * 1.164;
            let (u, v) = (f32::from(picture.u[chroma]) - 128.0, f32::from(picture.v[chroma]) - 128.0);
            let clamp = |value: f32| value.round().clamp(0.0, 255.0) as u8;
            out.extend([clamp(y + 1.596 * v), clamp(y - 0.392 * u - 0.813 * v), clamp(y + 2.017 * u)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnitConfig;

    #[test]
    fn a_snapshot_is_a_jpeg_of_the_asked_size() {
        let unit = Unit::new(UnitConfig::default());
        let jpeg = jpeg(&unit, 1, 320, 180).unwrap();
        let image = image::load_from_memory(&jpeg).unwrap();
        assert_eq!((image.width(), image.height()), (320, 180));
    }
}
