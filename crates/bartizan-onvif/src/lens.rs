//! Focus (Imaging Service Specification, Move and Stop) and iris (ImagingSettings, Exposure).

use std::time::Duration;

use bartizan_device::LensMove;
use tokio::time::sleep;

use crate::{
    error::OnvifError,
    imaging::{Picture, send_settings},
    ptz::decimal,
    services::Service,
    session::Session,
    soap::number,
};

/// An iris that is held open or closed goes by one step in this time, a tenth of its range at full speed.
const IRIS_EVERY: Duration = Duration::from_millis(400);
const IRIS_STEPS: f32 = 10.0;

/// Moves or stops the focus.
pub(crate) async fn focus(session: &Session, picture: &Picture, to: LensMove) -> Result<(), OnvifError> {
    let source = picture.source()?;
    let speed = match to {
        LensMove::FocusNear(speed) => -speed,
        LensMove::FocusFar(speed) => speed,
        LensMove::Stop => return session.call(Service::Imaging, "Stop", &source).await.map(drop),
        LensMove::AutoFocus => {
            if !picture.auto_focus {
                return Err(OnvifError::not_offered("autofocus"));
            }
            let settings = "<tt:Focus><tt:AutoFocusMode>AUTO</tt:AutoFocusMode></tt:Focus>";
            return send_settings(session, picture, settings).await;
        }
        LensMove::IrisOpen(_) | LensMove::IrisClose(_) => {
            return Err(OnvifError::not_offered("that focus move"));
        }
    };
    let Some((min, max)) = picture.focus_speed else { return Err(OnvifError::not_offered("focus")) };
    let speed = if speed.is_finite() { speed.clamp(-1.0, 1.0) } else { 0.0 };
    let speed = (if speed < 0.0 && min < 0.0 { speed * -min } else { speed * max }).clamp(min, max);
    if picture.manual_focus_mode && picture.auto_focus {
        // In the automatic mode the lens would move back at once, or the move is refused.
        let answer = session.call(Service::Imaging, "GetImagingSettings", &source).await?;
        let mode = answer.text("ImagingSettings/Focus/AutoFocusMode");
        if mode.is_some_and(|mode| mode.eq_ignore_ascii_case("AUTO")) {
            let settings = "<tt:Focus><tt:AutoFocusMode>MANUAL</tt:AutoFocusMode></tt:Focus>";
            send_settings(session, picture, settings).await?;
        }
    }
    let arguments = format!(
        "{source}<q:Focus><tt:Continuous><tt:Speed>{}</tt:Speed></tt:Continuous></q:Focus>",
        decimal(speed)
    );
    session.call(Service::Imaging, "Move", &arguments).await.map(drop)
}

/// One step of the iris; `step` −1..1, positive opens. False at the end of its range.
pub(crate) async fn iris_step(session: &Session, picture: &Picture, step: f32) -> Result<bool, OnvifError> {
    let Some((min, max)) = picture.iris else { return Err(OnvifError::not_offered("an iris")) };
    let answer = session.call(Service::Imaging, "GetImagingSettings", &picture.source()?).await?;
    let settings = answer.child("ImagingSettings").unwrap_or(&answer);
    let present = number(settings, "Exposure/Iris").unwrap_or((min + max) / 2.0);
    let step = if step.is_finite() { step.clamp(-1.0, 1.0) } else { 0.0 };
    // The value is an attenuation: opening lowers it.
    let wanted = (present - step * (max - min) / IRIS_STEPS).clamp(min, max);
    let settings =
        format!("<tt:Exposure><tt:Mode>MANUAL</tt:Mode><tt:Iris>{}</tt:Iris></tt:Exposure>", decimal(wanted));
    send_settings(session, picture, &settings).await?;
    Ok(wanted > min && wanted < max)
}

/// Steps on until the end of the range or an error.
pub(crate) async fn iris_on(session: &Session, picture: &Picture, step: f32) {
    loop {
        sleep(IRIS_EVERY).await;
        match iris_step(session, picture, step).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                session.note(format!("the iris stopped: {error}"));
                return;
            }
        }
    }
}
