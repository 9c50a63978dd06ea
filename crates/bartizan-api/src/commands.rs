//! The one command list. Everything that speaks of commands is made from it: the dispatcher, the TypeScript schema
//! and the contract tests.

use bartizan_base::{Code, Error};
use serde::{Serialize, de::DeserializeOwned};

use crate::dto::*;

macro_rules! commands {
    ($($(#[$doc:meta])* $method:ident $name:literal ($request:ident) -> $response:ident;)*) => {
        /// One method per command; a shell offers all of them or does not compile.
        pub trait Commands: Send + Sync + 'static {
            $($(#[$doc])* fn $method(
                &self,
                request: $request,
            ) -> impl Future<Output = bartizan_base::Result<$response>> + Send;)*
        }

        /// Every command's name, request type and response type.
        pub const COMMANDS: &[(&str, &str, &str)] =
            &[$(($name, stringify!($request), stringify!($response)),)*];

        /// Runs the command `name` with a JSON request and gives the JSON reply.
        pub async fn dispatch(commands: &impl Commands, name: &str, request: serde_json::Value) -> Reply {
            match name {
                $($name => match parse(request) {
                    Ok(request) => Reply::from(commands.$method(request).await),
                    Err(error) => Reply::from(Err::<Empty, _>(error)),
                },)*
                _ => Reply::from(Err::<Empty, _>(Error::new(
                    Code::UnsupportedCommand,
                    format!("no command {name:?}"),
                ))),
            }
        }

        /// The TypeScript of the command list.
        pub(crate) fn schema_typescript() -> String {
            let mut out = String::from("export interface RpcSchema {\n");
            $(out.push_str(concat!(
                "  '", $name, "': { request: ", stringify!($request),
                "; response: ", stringify!($response), " }\n"
            ));)*
            out.push_str("}\n");
            out
        }
    };
}

commands! {
    /// What runs behind the page.
    app_info "app.info" (Empty) -> AppInfo;
    /// All devices.
    devices_list "devices.list" (Empty) -> DeviceList;
    /// Talks to a device without storing it. Tries the password once.
    devices_probe "devices.probe" (DeviceDraft) -> ProbeReport;
    /// Probes and stores.
    devices_add "devices.add" (DeviceDraft) -> Device;
    /// Renames or changes; see [`DeviceUpdate`].
    devices_update "devices.update" (DeviceUpdate) -> Device;
    /// Removes, with a way back for a while.
    devices_delete "devices.delete" (DeviceRef) -> Deleted;
    /// Takes a removal back.
    devices_restore "devices.restore" (DeviceRef) -> Device;
    /// What answers at an address, found out without a password.
    devices_recognise "devices.recognise" (DeviceDraft) -> RecogniseReport;
    /// Gives a factory-fresh device its first password.
    devices_activate "devices.activate" (ActivateDevice) -> Empty;
    /// Asks a stored device about itself now.
    devices_details "devices.details" (DeviceRef) -> DeviceDetails;
    /// A still picture of a channel.
    devices_snapshot "devices.snapshot" (ChannelRef) -> SnapshotDto;
    /// Searches the local network by every protocol at once. One search runs at a time; a new one ends the old.
    search_start "search.start" (SearchRequest) -> SearchState;
    /// Waits for news of a search.
    search_next "search.next" (SearchRef) -> SearchState;
    /// Ends a search early.
    search_stop "search.stop" (SearchRef) -> Empty;
    /// Reads the text of a code, or a typed serial number.
    qr_text "qr.text" (QrText) -> QrCode;
    /// Looks for codes in a frame of the camera.
    qr_frame "qr.frame" (QrFrame) -> QrCodes;
    /// Looks for codes in a picture file, thoroughly.
    qr_picture "qr.picture" (QrPicture) -> QrCodes;
    /// Makes a card of some devices.
    card_create "card.create" (CardRequest) -> CardPictures;
    /// Puts the parts of a card together and, with its password, lists its devices.
    card_read "card.read" (CardTexts) -> CardState;
    /// Adds every device of a card that is not in the list yet.
    card_add "card.add" (CardTexts) -> CardAdded;
    /// Saves a picture where the system keeps pictures.
    pictures_save "pictures.save" (SavePicture) -> SavedPicture;
    /// What a channel can do.
    control_capabilities "control.capabilities" (ChannelRef) -> Capabilities;
    /// Moves head or lens while held; see [`HoldMove`].
    control_hold "control.hold" (HoldMove) -> Empty;
    /// Stops head and lens at once, whatever else is under way.
    control_stop "control.stop" (ChannelRef) -> Empty;
    /// Does something once.
    control_act "control.act" (Act) -> Empty;
    /// The stored positions.
    control_presets "control.presets" (ChannelRef) -> Presets;
    /// The picture settings in the device.
    control_imaging "control.imaging" (ChannelRef) -> Imaging;
    /// Changes picture settings in the device.
    control_set_imaging "control.setImaging" (SetImaging) -> Imaging;
    /// Puts the levels back to the device's defaults.
    control_reset_imaging "control.resetImaging" (ChannelRef) -> Imaging;
    /// What lamps, siren, wiper, tracking and alarm outputs are doing.
    control_switches "control.switches" (ChannelRef) -> Switches;
    /// Switches one of them; the reply is their state after it.
    control_switch "control.switch" (SwitchRequest) -> Switches;
    /// Records a channel to a file on this machine.
    record_start "record.start" (RecordStart) -> Recording;
    /// Ends a recording, or forgets one that ended by itself.
    record_stop "record.stop" (ChannelRef) -> Recording;
    /// All recordings under way, and those that ended by themselves.
    record_list "record.list" (Empty) -> Recordings;
    /// Takes pictures of a channel in full size.
    snapshot_take "snapshot.take" (TakeSnapshot) -> TakenFiles;
    /// Recordings and snapshots on this machine, the newest first.
    files_list "files.list" (Empty) -> FileList;
    /// A small picture of a file.
    files_thumbnail "files.thumbnail" (FileRef) -> SnapshotDto;
    /// A part of a file, for sharing and saving.
    files_read "files.read" (FileRead) -> FileBytes;
    /// Copies a file to where the system keeps pictures.
    files_export "files.export" (FileExport) -> SavedPicture;
    /// Deletes files, with a way back for a while.
    files_delete "files.delete" (FileRefs) -> Deleted;
    /// Takes a deletion back.
    files_restore "files.restore" (FileRefs) -> Empty;
    /// The settings.
    settings_get "settings.get" (Empty) -> Settings;
    /// Changes some settings and gives them all.
    settings_set "settings.set" (SettingsPatch) -> Settings;
    /// Opens a media session.
    live_connect "live.connect" (Empty) -> MediaEndpoint;
    /// Ends a media session and all its tiles.
    live_disconnect "live.disconnect" (MediaSessionRef) -> Empty;
    /// Binds a tile to a stream.
    live_open "live.open" (OpenTile) -> Empty;
    /// Frees a tile.
    live_close "live.close" (TileRef) -> Empty;
    /// Tries the stream behind a tile again at once, a person having asked.
    live_retry "live.retry" (TileRef) -> Empty;
    /// Tells what the platform noticed.
    live_hint "live.hint" (HintDto) -> Empty;
    /// Counters of all stream sessions.
    live_stats "live.stats" (Empty) -> LiveStats;
}

/// The reply of any command: `{"ok": …}` or `{"err": ErrorDto}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// It worked.
    Ok(serde_json::Value),
    /// It did not.
    Err(ErrorDto),
}

impl<T: Serialize> From<bartizan_base::Result<T>> for Reply {
    fn from(result: bartizan_base::Result<T>) -> Self {
        match result {
            Ok(value) => match serde_json::to_value(value) {
                Ok(json) => Reply::Ok(json),
                Err(e) => Reply::Err(error_dto(&Error::new(Code::Internal, e.to_string()))),
            },
            Err(error) => Reply::Err(error_dto(&error)),
        }
    }
}

pub(crate) fn error_dto(error: &Error) -> ErrorDto {
    ErrorDto {
        code: error.code(),
        detail: error.detail().to_owned(),
        retry_after_ms: error.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        tries_left: error.tries_left(),
    }
}

fn parse<T: DeserializeOwned>(request: serde_json::Value) -> bartizan_base::Result<T> {
    // The serde message may quote a value; requests hold passwords, so only the place is told.
    serde_json::from_value(request)
        .map_err(|e| Error::new(Code::InvalidInput, format!("malformed request ({:?} error)", e.classify())))
}
