//! Recording, snapshots and files.

use std::path::Path;

use bartizan_app::{App, FILES_UNDO, FileEntry, RecordingState, existing_profile};
use bartizan_base::{ChannelId, Clock, Code, Error, Result, StreamId, StreamProfile, SystemClock, UtcMicros};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{pictures, playback};
use crate::{commands::error_dto, dto};

/// Files of one call: more than a grid shows.
const MOST_FILES: usize = 10_000;

/// What a channel is called: the device alone where it has one channel, else both.
pub(super) fn title(app: &App, channel: &ChannelId) -> Result<String> {
    let row = app.devices.book().get(&channel.device)?;
    let known =
        row.channels.iter().find(|known| known.number == channel.number).ok_or_else(|| {
            Error::new(Code::NotFound, format!("the device has no channel {}", channel.number))
        })?;
    Ok(match (row.channels.len(), known.name.is_empty()) {
        (..=1, _) => row.name,
        (_, true) => format!("{} {}", row.name, channel.number),
        (_, false) => format!("{} {}", row.name, known.name),
    })
}

pub(super) fn start(app: &App, request: dto::RecordStart) -> Result<dto::Recording> {
    let channel = super::control::channel(request.device, request.channel);
    let title = title(app, &channel)?;
    let wanted = match request.profile {
        Some(dto::Profile::Sub) => StreamProfile::Sub,
        _ => StreamProfile::Main,
    };
    let row = app.devices.book().get(&channel.device)?;
    let profile = existing_profile(&row, channel.number, wanted);
    let state = app.recorder.start(StreamId { channel, profile }, &title, SystemClock.now())?;
    Ok(state.into())
}

pub(super) async fn stop(app: &App, channel: &ChannelId) -> Result<dto::Recording> {
    let stream = app
        .recorder
        .of_channel(channel)
        .ok_or_else(|| Error::new(Code::NotFound, "this channel is not being recorded"))?;
    Ok(app.recorder.stop(&stream).await?.into())
}

pub(super) fn list_recordings(app: &App) -> dto::Recordings {
    let (revision, states) = app.recorder.states();
    dto::Recordings { revision, recordings: states.into_iter().map(Into::into).collect() }
}

pub(super) async fn snapshot(app: &App, request: dto::TakeSnapshot) -> Result<dto::TakenFiles> {
    let channel = super::control::channel(request.device, request.channel);
    let title = title(app, &channel)?;
    let row = app.devices.book().get(&channel.device)?;
    let profile = existing_profile(&row, channel.number, StreamProfile::Main);
    let taken = app.snapshots.take(&channel, profile, &title, request.count).await?;
    Ok(dto::TakenFiles { files: taken.into_iter().map(Into::into).collect() })
}

pub(super) async fn keep_snapshot(app: &App, request: dto::KeepSnapshot) -> Result<dto::MediaFile> {
    let channel = super::control::channel(request.device, request.channel);
    let title = title(app, &channel)?;
    if request.at_us < 0 {
        return Err(Error::new(Code::InvalidInput, "atUs is before 1970"));
    }
    // The clock of a page on another machine may be ahead.
    let at = UtcMicros(request.at_us).min(SystemClock.now());
    let jpeg = playback::jpeg(&request.jpeg)?;
    Ok(app.snapshots.keep_shown(&channel, at, &title, jpeg).await?.into())
}

pub(super) async fn list(app: &App) -> Result<dto::FileList> {
    let (revision, files) = app.files.list().await?;
    Ok(dto::FileList { revision, files: files.into_iter().map(Into::into).collect() })
}

pub(super) async fn thumbnail(app: &App, id: &str) -> Result<dto::SnapshotDto> {
    Ok(dto::SnapshotDto { jpeg: BASE64.encode(app.files.thumbnail(id).await?) })
}

pub(super) async fn keep_thumbnail(app: &App, request: dto::KeepThumbnail) -> Result<dto::Empty> {
    app.files.keep_thumbnail(&request.id, playback::jpeg(&request.jpeg)?).await?;
    Ok(dto::Empty {})
}

pub(super) async fn read(app: &App, request: dto::FileRead) -> Result<dto::FileBytes> {
    let (bytes, total) = app.files.read(&request.id, request.offset, request.length).await?;
    Ok(dto::FileBytes { data: BASE64.encode(bytes), total })
}

pub(super) async fn export(
    app: &App,
    folder: Option<&Path>,
    request: dto::FileExport,
) -> Result<dto::SavedPicture> {
    let source = app.files.path(&request.id)?;
    pictures::copy(folder, &request.file_name, source).await
}

pub(super) async fn delete(app: &App, request: dto::FileRefs) -> Result<dto::Deleted> {
    app.files.delete(bounded(request.ids)?).await?;
    Ok(dto::Deleted { undo_ms: u64::try_from(FILES_UNDO.as_millis()).unwrap_or(0) })
}

pub(super) async fn restore(app: &App, request: dto::FileRefs) -> Result<dto::Empty> {
    app.files.restore(bounded(request.ids)?).await?;
    Ok(dto::Empty {})
}

fn bounded(ids: Vec<String>) -> Result<Vec<String>> {
    if ids.len() > MOST_FILES {
        return Err(Error::new(Code::InvalidInput, "too many files at once"));
    }
    Ok(ids)
}

impl From<RecordingState> for dto::Recording {
    fn from(state: RecordingState) -> Self {
        Self {
            device: state.stream.channel.device.to_string(),
            channel: state.stream.channel.number,
            profile: state.stream.profile.into(),
            title: state.title,
            started_at_ms: state.started.millis(),
            elapsed_ms: u64::try_from(state.elapsed.as_millis()).unwrap_or(u64::MAX),
            bytes: state.bytes,
            files: state.files,
            ended: state.ended.as_ref().map(error_dto),
            disk_left_s: state.disk_left.map(|left| left.as_secs()),
            disk_low: state.disk_low,
        }
    }
}

impl From<FileEntry> for dto::MediaFile {
    fn from(entry: FileEntry) -> Self {
        Self {
            id: entry.id,
            kind: match entry.kind {
                bartizan_app::FileKind::Recording => dto::FileKind::Recording,
                bartizan_app::FileKind::Snapshot => dto::FileKind::Snapshot,
            },
            device: entry.channel.device.to_string(),
            channel: entry.channel.number,
            title: entry.title,
            taken_at_ms: entry.taken.millis(),
            duration_ms: entry.duration.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            width: entry.width,
            height: entry.height,
            codec: entry.codec,
            sound: entry.sound,
            bytes: entry.bytes,
            thumbnail: entry.thumbnail,
        }
    }
}
