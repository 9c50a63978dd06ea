//! The one command list. Everything that speaks of commands is made from it: the dispatcher, the TypeScript schema
//! and the contract tests.

use bartizan_base::{Code, Error};
use serde::{Serialize, de::DeserializeOwned};

use crate::dto::*;

macro_rules! commands {
    ($($(#[$doc:meta])* $method:ident $name:literal ($request:ident) -> $response:ident;)*) => {
        /// One method per command; a shell offers all of them or does not compile.
        pub trait Commands: Send + Sync + 'static {
            /// A command failed; for what is told in diagnostics.
            fn failed(&self, _name: &'static str, _error: &Error) {}

            /// True while the app is locked: then nothing but [`OPEN_WHEN_LOCKED`] is done.
            fn is_locked(&self) -> bool;
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
            if let Some(refusal) = refusal(commands, name) {
                return refusal;
            }
            let reply = match name {
                $($name => match parse(request) {
                    Ok(request) => {
                        Reply::from(commands.$method(request).await.inspect_err(|e| commands.failed($name, e)))
                    }
                    Err(error) => Reply::from(Err::<Empty, _>(error)),
                },)*
                _ => Reply::from(Err::<Empty, _>(Error::new(
                    Code::UnsupportedCommand,
                    format!("no command {name:?}"),
                ))),
            };
            // What was on its way when the app was locked tells nothing any more.
            refusal(commands, name).unwrap_or(reply)
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
    /// Whether the app is protected and locked.
    protection_state "protection.state" (Empty) -> ProtectionState;
    /// Unlocks the app with its PIN or password.
    protection_unlock "protection.unlock" (ProtectionSecret) -> ProtectionState;
    /// Unlocks the app by a finger or a face, where its system has such a sensor.
    protection_unlock_by_biometrics "protection.unlockByBiometrics" (ProtectionPrompt) -> ProtectionState;
    /// Locks the app now.
    protection_lock "protection.lock" (Empty) -> ProtectionState;
    /// The app goes to the background.
    protection_away "protection.away" (Empty) -> ProtectionState;
    /// The app is in front again.
    protection_back "protection.back" (ProtectionBack) -> ProtectionState;
    /// Protects the app.
    protection_set_up "protection.setUp" (ProtectionSetUp) -> ProtectionState;
    /// Another PIN or password.
    protection_change "protection.change" (ProtectionChange) -> ProtectionState;
    /// Ends the protection.
    protection_turn_off "protection.turnOff" (ProtectionSecret) -> ProtectionState;
    /// Lets a finger or a face open the app too.
    protection_let_biometrics "protection.letBiometrics" (ProtectionSecret) -> ProtectionState;
    /// Only the PIN or password opens the app.
    protection_forget_biometrics "protection.forgetBiometrics" (Empty) -> ProtectionState;
    /// How long the app may be away before it asks again.
    protection_ask_after "protection.askAfter" (ProtectionAskAfter) -> ProtectionState;
    /// Ends the protection without its secret and erases the passwords of all devices.
    protection_forget "protection.forget" (ProtectionForget) -> ProtectionState;
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
    /// Which streams were chosen by hand.
    streams_choices "streams.choices" (Empty) -> ChosenStreams;
    /// Keeps which stream a channel's window plays.
    streams_choose "streams.choose" (ChosenStream) -> Empty;
    /// How the device encodes a channel's streams, and what else it offers.
    streams_encoders "streams.encoders" (ChannelRef) -> EncoderStreams;
    /// Changes encoder settings in the device and gives what it took.
    streams_set_encoder "streams.setEncoder" (SetEncoder) -> AppliedEncoder;
    /// Plays on a tile what a channel recorded, in real time; the tile is steered and closed as a live one.
    replay_open "replay.open" (OpenReplay) -> Empty;
    /// Takes pictures of what a tile plays of a channel's recordings.
    replay_snapshot "replay.snapshot" (TakeRecorded) -> TakenFiles;
    /// Calls a camera, to talk through it; an earlier call ends.
    talk_start "talk.start" (ChannelRef) -> TalkState;
    /// Says something.
    talk_send "talk.send" (TalkSound) -> Empty;
    /// Hangs up; a call that is over already is no error.
    talk_stop "talk.stop" (TalkRef) -> Empty;
    /// All groups of channels.
    favourites_list "favourites.list" (Empty) -> FavouriteList;
    /// Makes a group, after all others.
    favourites_create "favourites.create" (NewFavourite) -> Favourite;
    /// Renames a group, gives it another layout or another list of channels.
    favourites_update "favourites.update" (FavouriteChange) -> FavouriteList;
    /// Adds channels at the end of a group.
    favourites_add "favourites.add" (FavouriteChannels) -> FavouriteList;
    /// Takes channels out of a group.
    favourites_remove "favourites.remove" (FavouriteChannels) -> FavouriteList;
    /// Puts the groups in another order.
    favourites_order "favourites.order" (FavouriteOrder) -> FavouriteList;
    /// Removes a group, with a way back for a while.
    favourites_delete "favourites.delete" (FavouriteRef) -> Deleted;
    /// Takes a removal back.
    favourites_restore "favourites.restore" (FavouriteRef) -> FavouriteList;
    /// Keeps a small picture of a channel, in place of the older one.
    pictures_keep "pictures.keep" (KeepPicture) -> Empty;
    /// The kept pictures of some channels.
    pictures_last "pictures.last" (LastPicturesRequest) -> LastPictures;
    /// How channels are shown here, where not plainly.
    looks_list "looks.list" (Empty) -> Looks;
    /// Keeps how a channel is shown.
    looks_set "looks.set" (ChannelLook) -> Empty;
    /// What the wall showed last.
    memory_get "memory.get" (Empty) -> WallMemoryReply;
    /// Keeps what the wall shows.
    memory_set "memory.set" (WallMemory) -> Empty;
    /// Bytes received per device and month.
    traffic_get "traffic.get" (TrafficRequest) -> TrafficReport;
    /// Tells whether the network costs by the byte.
    traffic_network "traffic.network" (Network) -> Empty;
    /// Records a channel to a file on this machine.
    record_start "record.start" (RecordStart) -> Recording;
    /// Ends a recording, or forgets one that ended by itself.
    record_stop "record.stop" (ChannelRef) -> Recording;
    /// All recordings under way, and those that ended by themselves.
    record_list "record.list" (Empty) -> Recordings;
    /// Takes pictures of a channel in full size.
    snapshot_take "snapshot.take" (TakeSnapshot) -> TakenFiles;
    /// Keeps a picture of a channel that the page decoded, where the core cannot.
    snapshot_keep "snapshot.keep" (KeepSnapshot) -> MediaFile;
    /// Recordings and snapshots on this machine, the newest first.
    files_list "files.list" (Empty) -> FileList;
    /// A small picture of a file.
    files_thumbnail "files.thumbnail" (FileRef) -> SnapshotDto;
    /// Gives a recording that has none its small picture, which the page decoded where the core cannot.
    files_keep_thumbnail "files.keepThumbnail" (KeepThumbnail) -> Empty;
    /// A part of a file, for sharing and saving.
    files_read "files.read" (FileRead) -> FileBytes;
    /// Copies a file to where the system keeps pictures.
    files_export "files.export" (FileExport) -> SavedPicture;
    /// Deletes files, with a way back for a while.
    files_delete "files.delete" (FileRefs) -> Deleted;
    /// Takes a deletion back.
    files_restore "files.restore" (FileRefs) -> Empty;
    /// Reads the table of a recording, to play it.
    play_open "play.open" (FileRef) -> MovieInfo;
    /// Sends a span of a recording over a media session.
    play_read "play.read" (PlayRead) -> PlayStart;
    /// A stretch of the sound of a recording.
    play_sound "play.sound" (PlaySound) -> MovieSound;
    /// Keeps a picture of a recording among the snapshots.
    play_snapshot "play.snapshot" (PlaySnapshot) -> MediaFile;
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
    /// How many of its pictures a tile gets from now on.
    live_pace "live.pace" (SetPace) -> Empty;
    /// Gives a tile the current group of pictures again: its decoder was lost.
    live_refresh "live.refresh" (TileRef) -> Empty;
    /// The page went to the background or is back; see [`Presence`].
    live_presence "live.presence" (Presence) -> Empty;
    /// Sends the sound of a tile too.
    live_listen "live.listen" (ListenTile) -> Empty;
    /// Sends no more sound of a tile.
    live_mute "live.mute" (TileRef) -> Empty;
    /// Tells what the platform noticed.
    live_hint "live.hint" (HintDto) -> Empty;
    /// Counters of all stream sessions.
    live_stats "live.stats" (Empty) -> LiveStats;
    /// Makes a diagnostics bundle for the user to read, keep or send. Nothing is stored or sent by it.
    diagnostics_make "diagnostics.make" (DiagnosticsRequest) -> Diagnostics;
}

/// What is done while the app is locked: what the lock screen needs, and nothing that tells of a device.
pub const OPEN_WHEN_LOCKED: &[&str] = &[
    "app.info",
    "settings.get",
    "protection.state",
    "protection.unlock",
    "protection.unlockByBiometrics",
    "protection.lock",
    "protection.away",
    "protection.back",
    "protection.forget",
];

fn refusal(commands: &impl Commands, name: &str) -> Option<Reply> {
    let refused = commands.is_locked() && !OPEN_WHEN_LOCKED.contains(&name);
    refused.then(|| Reply::from(Err::<Empty, _>(Error::new(Code::AppLocked, "the app is locked"))))
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
