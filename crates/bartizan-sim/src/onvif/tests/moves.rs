//! Operations that move or switch something reach the unit.

use super::*;

async fn place(bench: &Bench) -> (f32, f32, f32, String) {
    let answer = bench.ask(PTZ, "<GetStatus><ProfileToken>profile_1_main</ProfileToken></GetStatus>").await;
    let status = answer.child("PTZStatus").unwrap();
    let (pan_tilt, zoom) =
        (status.at(&["Position", "PanTilt"]).unwrap(), status.at(&["Position", "Zoom"]).unwrap());
    let axis = |element: &Element, name: &str| element.number(name).unwrap();
    let moves = status.text_at(&["MoveStatus", "PanTilt"]).unwrap().to_owned();
    (axis(pan_tilt, "x"), axis(pan_tilt, "y"), axis(zoom, "x"), moves)
}

fn moved(operation: &str, inner: &str) -> String {
    format!("<{operation}><ProfileToken>profile_1_main</ProfileToken>{inner}</{operation}>")
}

#[tokio::test(start_paused = true)]
async fn a_move_goes_on_until_stop_or_its_timeout() {
    let bench = Bench::new(|_| ());
    let (x, y, zoom, _) = place(&bench).await;
    let right =
        moved("ContinuousMove", "<Velocity><PanTilt x='0.1' y='0'/></Velocity><Timeout>PT2S</Timeout>");
    bench.ask(PTZ, &right).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let half = place(&bench).await;
    assert!(half.0 > x && half.1 == y && half.2 == zoom && half.3 == "MOVING", "{half:?}");
    tokio::time::advance(Duration::from_secs(2)).await;
    let end = place(&bench).await;
    assert!(end.0 > half.0 && end.3 == "IDLE", "{end:?}");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(place(&bench).await, end);

    bench.ask(PTZ, &right.replace("0.1", "-0.1")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    bench.ask(PTZ, &moved("Stop", "")).await;
    let stopped = place(&bench).await;
    assert!(stopped.0 < end.0 && stopped.3 == "IDLE", "{stopped:?}");
    for wrong in
        ["<Velocity><PanTilt x='1.5' y='0'/></Velocity>", "<Velocity><PanTilt x='a' y='0'/></Velocity>", ""]
    {
        assert_eq!(bench.fault(PTZ, &moved("ContinuousMove", wrong)).await.0, 400, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn presets_and_places() {
    let bench = Bench::new(|_| ());
    let to = |x: f32, y: f32, zoom: f32| {
        moved("AbsoluteMove", &format!("<Position><PanTilt x='{x}' y='{y}'/><Zoom x='{zoom}'/></Position>"))
    };
    let arrived = async || {
        tokio::time::advance(Duration::from_secs(30)).await;
        let (x, y, zoom, moves) = place(&bench).await;
        assert_eq!(moves, "IDLE");
        (x, y, zoom)
    };
    bench.ask(PTZ, &to(0.5, -0.5, 0.25)).await;
    assert_eq!(arrived().await, (0.5, -0.5, 0.25));
    let set = bench.ask(PTZ, &moved("SetPreset", "<PresetName>A &amp; B</PresetName>")).await;
    let token = set.text_at(&["PresetToken"]).unwrap().to_owned();
    let named = format!("<PresetToken>{token}</PresetToken>");
    bench.ask(PTZ, &to(-1.0, 1.0, 1.0)).await;
    assert_eq!(arrived().await, (-1.0, 1.0, 1.0));
    bench.ask(PTZ, &moved("GotoPreset", &named)).await;
    assert_eq!(arrived().await, (0.5, -0.5, 0.25));
    bench.ask(PTZ, &moved("SetPreset", &format!("{named}<PresetName>C</PresetName>"))).await;
    let presets = bench.ask(PTZ, &moved("GetPresets", "")).await;
    let own = presets.all("Preset").find(|one| one.attribute("token") == Some(&token)).unwrap();
    assert_eq!(own.text_at(&["Name"]), Some("C"));
    bench.ask(PTZ, &moved("RemovePreset", &named)).await;
    assert_eq!(bench.fault(PTZ, &moved("GotoPreset", &named)).await.1, "ter:InvalidArgVal ter:NoToken");
    bench.ask(PTZ, &moved("SetHomePosition", "")).await;
    bench.ask(PTZ, &moved("RelativeMove", "<Translation><PanTilt x='0.25' y='0.25'/></Translation>")).await;
    assert_eq!(arrived().await, (0.75, -0.25, 0.25));
    bench.ask(PTZ, &moved("GotoHomePosition", "")).await;
    assert_eq!(arrived().await, (0.5, -0.5, 0.25));
    let blind = Bench::new(|quirks| quirks.ptz_status = false);
    assert_eq!(blind.fault(PTZ, &moved("GetStatus", "")).await.1, "ter:ActionNotSupported");
}

#[tokio::test]
async fn picture_values_have_their_own_range() {
    let bench = Bench::new(|_| ());
    let about = "<VideoSourceToken>source_1</VideoSourceToken>";
    let options = bench.ask(IMAGING, &format!("<GetOptions>{about}</GetOptions>")).await;
    assert_eq!(options.number_at(&["ImagingOptions", "Brightness", "Max"]), Some(255.0));
    let set = |inner: &str| {
        format!("<SetImagingSettings>{about}<ImagingSettings>{inner}</ImagingSettings></SetImagingSettings>")
    };
    let settings = async || {
        let answer = bench.ask(IMAGING, &format!("<GetImagingSettings>{about}</GetImagingSettings>")).await;
        answer.child("ImagingSettings").unwrap().clone()
    };
    let before = settings().await;
    bench
        .ask(
            IMAGING,
            &set("<Brightness>204</Brightness><Focus><AutoFocusMode>MANUAL</AutoFocusMode></Focus>"),
        )
        .await;
    let after = settings().await;
    assert_eq!(after.number_at(&["Brightness"]), Some(204.0));
    assert_eq!(after.text_at(&["Focus", "AutoFocusMode"]), Some("MANUAL"));
    assert_eq!(bench.onvif.unit.view(1).unwrap().picture.brightness, 80.0);
    assert_eq!(after.number_at(&["Contrast"]), before.number_at(&["Contrast"]));
    let code = "ter:InvalidArgVal ter:SettingsInvalid";
    for wrong in ["<Contrast>256</Contrast>", "<Contrast>-1</Contrast>", "<Sharpness>NaN</Sharpness>"] {
        assert_eq!(
            bench.fault(IMAGING, &set(&format!("<Brightness>1</Brightness>{wrong}"))).await.1,
            code,
            "{wrong}"
        );
    }
    assert_eq!(settings().await, after, "a refused request changes nothing");
}

#[tokio::test(start_paused = true)]
async fn pull_points_wait_and_end() {
    let bench = Bench::new(|_| ());
    let create = async |inner: &str| {
        let operation = format!("<CreatePullPointSubscription>{inner}</CreatePullPointSubscription>");
        let answer = bench.ask(EVENTS, &operation).await;
        let address = answer.text_at(&["SubscriptionReference", "Address"]).unwrap().to_owned();
        address.strip_prefix(&format!("http://{HOST}")).unwrap().to_owned()
    };
    let target = create("<InitialTerminationTime>PT60S</InitialTerminationTime>").await;
    let pull = "<PullMessages><Timeout>PT5S</Timeout><MessageLimit>10</MessageLimit></PullMessages>";
    let started = tokio::time::Instant::now();
    let reply = bench.at(&target, EVENTS, pull).await;
    assert_eq!((reply.status, started.elapsed()), (200, Duration::from_secs(5)));
    assert!(read(&reply).child("NotificationMessage").is_none());

    let (pulled, left) =
        tokio::join!(bench.at(&target, EVENTS, pull), bench.at(&target, NOTIFICATION, "<Unsubscribe/>"));
    assert_eq!((pulled.status, left.status, started.elapsed()), (200, 200, Duration::from_secs(5)));
    assert_eq!(bench.at(&target, EVENTS, pull).await.status, 400, "it is gone");

    // One that nobody renews runs out, one that is renewed does not.
    let (short, long) = (create("").await, create("").await);
    let renew = "<Renew><TerminationTime>PT10M</TerminationTime></Renew>";
    assert_eq!(bench.at(&long, NOTIFICATION, renew).await.status, 200);
    tokio::time::advance(Duration::from_secs(120)).await;
    assert_eq!(bench.onvif.pull_points.count(), 1);
    assert_eq!(bench.at(&short, NOTIFICATION, renew).await.status, 400);

    let plain = Bench::new(|quirks| quirks.renew = false);
    assert_eq!(plain.fault(NOTIFICATION, renew).await.1, "ter:ActionNotSupported");
    for _ in 0..40 {
        let _ = plain.at("/onvif/event_service", EVENTS, "<CreatePullPointSubscription/>").await;
    }
    assert_eq!(plain.onvif.pull_points.count(), 32);
}

#[tokio::test]
async fn relays_hold_and_pulse() {
    let bench = Bench::new(|_| ());
    let token = bench
        .ask(DEVICE, "<GetRelayOutputs/>")
        .await
        .child("RelayOutputs")
        .unwrap()
        .attribute("token")
        .unwrap()
        .to_owned();
    let settings = format!(
        "<SetRelayOutputSettings><RelayOutputToken>{token}</RelayOutputToken><Properties><Mode>Monostable</Mode>\
         <DelayTime>PT2S</DelayTime><IdleState>open</IdleState></Properties></SetRelayOutputSettings>"
    );
    bench.ask(DEVICE, &settings).await;
    let answer = bench.ask(DEVICE, "<GetRelayOutputs/>").await;
    assert_eq!(answer.text_at(&["RelayOutputs", "Properties", "Mode"]), Some("Monostable"));
    assert_eq!(answer.text_at(&["RelayOutputs", "Properties", "DelayTime"]), Some("PT2S"));
    let state = |state: &str, token: &str| {
        format!(
            "<SetRelayOutputState><RelayOutputToken>{token}</RelayOutputToken><LogicalState>{state}</LogicalState>\
             </SetRelayOutputState>"
        )
    };
    bench.ask(DEVICE, &state("active", &token)).await;
    assert!(bench.onvif.unit.outputs()[0].on);
    bench.ask(DEVICE, &state("inactive", &token)).await;
    assert!(!bench.onvif.unit.outputs()[0].on);
    assert_eq!(bench.fault(DEVICE, &state("active", "x")).await.1, "ter:InvalidArgVal ter:RelayToken");
    assert_eq!(bench.fault(DEVICE, &state("half", &token)).await.1, "ter:InvalidArgVal");
}

#[tokio::test(start_paused = true)]
async fn focus_and_iris_move() {
    let bench = Bench::new(|_| ());
    let about = "<VideoSourceToken>source_1</VideoSourceToken>";
    let view = || bench.onvif.unit.view(1).unwrap();
    let turn = |inner: &str| format!("<Move>{about}<Focus>{inner}</Focus></Move>");
    bench.ask(IMAGING, &turn("<Absolute><Position>0.25</Position></Absolute>")).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(view().focus, 0.25);
    bench.ask(IMAGING, &turn("<Continuous><Speed>1</Speed></Continuous>")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let status = bench.ask(IMAGING, &format!("<GetStatus>{about}</GetStatus>")).await;
    assert_eq!(status.text_at(&["Status", "FocusStatus20", "MoveStatus"]), Some("MOVING"));
    bench.ask(IMAGING, &format!("<Stop>{about}</Stop>")).await;
    let stopped = view();
    assert!(stopped.focus > 0.25 && stopped.focus < 1.0 && !stopped.focusing, "{stopped:?}");
    let set = |inner: &str| {
        format!("<SetImagingSettings>{about}<ImagingSettings>{inner}</ImagingSettings></SetImagingSettings>")
    };
    bench.ask(IMAGING, &set("<Exposure><Mode>MANUAL</Mode><Iris>5</Iris></Exposure>")).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(view().iris, 0.75);
    // The second camera has a fixed lens.
    let fixed = about.replace('1', "2");
    assert_eq!(bench.fault(IMAGING, &format!("<GetMoveOptions>{fixed}</GetMoveOptions>")).await.0, 500);
}

#[tokio::test]
async fn wrong_passwords_lock_the_account_and_late_tokens_do_not() {
    let bench = Bench::new(|quirks| quirks.created_window = Duration::from_secs(5));
    let operation = in_namespace(DEVICE, "<GetDeviceInformation/>");
    let now = bench.onvif.unit.now();
    let late = bartizan_base::UtcMicros(now.0 - 60_000_000);
    let send = async |password: &str, at| {
        let header = token_header(USER, password, at);
        bench.send("/onvif/device_service", None, &header, &operation).await.status
    };
    for _ in 0..10 {
        assert_eq!(send(PASSWORD, late).await, 400);
    }
    assert_eq!((send(PASSWORD, now).await, bench.onvif.unit.refusals()), (200, 0));
    for _ in 0..bench.onvif.unit.config().tries {
        assert_eq!(send("wrong", now).await, 400);
    }
    assert_eq!((send(PASSWORD, now).await, bench.onvif.unit.refusals()), (400, 5));
    assert_eq!(bench.stranger(DEVICE, "<GetHostname/>").await.status, 200);
}

#[tokio::test]
async fn auxiliaries_reach_the_unit() {
    let bench = Bench::new(|_| ());
    let capabilities = bench.ask(DEVICE, "<GetServiceCapabilities/>").await;
    let misc = capabilities
        .at(&["Capabilities", "Misc"])
        .unwrap()
        .attribute("AuxiliaryCommands")
        .unwrap()
        .to_owned();
    assert!(misc.split(' ').any(|one| one == "tt:WhiteLight|On"), "{misc}");
    let send = |command: &str| {
        format!("<SendAuxiliaryCommand><AuxiliaryCommand>{command}</AuxiliaryCommand></SendAuxiliaryCommand>")
    };
    let view = || bench.onvif.unit.view(1).unwrap();
    bench.ask(DEVICE, &send("tt:WhiteLight|On")).await;
    bench.ask(PTZ, &moved("SendAuxiliaryCommand", "<AuxiliaryData>tt:Wiper|On</AuxiliaryData>")).await;
    bench.ask(PTZ, &moved("SendAuxiliaryCommand", "<AuxiliaryData>tt:Tracking|On</AuxiliaryData>")).await;
    assert!(view().light && view().wiper && view().tracking);
    bench.ask(DEVICE, &send("tt:WhiteLight|Off")).await;
    bench.ask(DEVICE, &send("tt:Wiper|Off")).await;
    bench.ask(DEVICE, &send("tt:Tracking|Off")).await;
    assert!(!view().light && !view().wiper && !view().tracking);
    bench
        .ask(
            MEDIA,
            "<SetSynchronizationPoint><ProfileToken>profile_1_main</ProfileToken></SetSynchronizationPoint>",
        )
        .await;
    assert_eq!(view().key_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_picture_needs_digest_and_shows_the_move() {
    let bench = Bench::new(|_| ());
    let answer = bench
        .ask(MEDIA2, "<GetSnapshotUri><ProfileToken>profile_1_sub</ProfileToken></GetSnapshotUri>")
        .await;
    let target =
        answer.text_at(&["Uri"]).unwrap().strip_prefix(&format!("http://{HOST}")).unwrap().to_owned();
    let fetch = async |target: &str, authorization: Option<&str>| {
        bench.http("GET", target, authorization, String::new()).await
    };
    let refused = fetch(&target, None).await;
    assert_eq!((refused.status, refused.challenges.len()), (401, 2));
    let mut client = http_auth::PasswordClient::try_from(refused.challenges[0].as_str()).unwrap();
    let mut login = |uri: &str| {
        let params =
            http_auth::PasswordParams { username: USER, password: PASSWORD, uri, method: "GET", body: None };
        client.respond(&params).unwrap()
    };
    let picture = async |authorization: &str| {
        let reply = fetch(&target, Some(authorization)).await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "image/jpeg"));
        image::load_from_memory(&reply.body).unwrap().to_luma8()
    };
    let before = picture(&login(&target)).await;
    assert_eq!(before.dimensions(), (640, 360));
    bench.ask(PTZ, &moved("AbsoluteMove", "<Position><Zoom x='1'/></Position>")).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let (after, again) = (picture(&login(&target)).await, picture(&login(&target)).await);
    let differs = |a: &image::GrayImage, b: &image::GrayImage| {
        let all = a.as_raw().iter().zip(b.as_raw());
        all.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>() / a.as_raw().len() as u64
    };
    let (moved, still) = (differs(&before, &after), differs(&after, &again));
    assert!(moved > 4 && moved > 4 * still, "{moved} after the zoom, {still} at rest");
    for wrong in ["/onvif/snapshot?channel=9", "/onvif/snapshot?channel=1&stream=x", "/onvif/snapshot"] {
        assert_eq!(fetch(wrong, Some(&login(wrong))).await.status, 404, "{wrong}");
    }
}

#[tokio::test]
async fn a_fixed_camera_has_no_ptz_service() {
    let unit = Unit::new(UnitConfig { ptz: false, auxiliaries: false, outputs: 0, ..UnitConfig::default() });
    let bench = Bench { onvif: Onvif::new(Arc::new(unit), 554, OnvifQuirks::default()) };
    let services = read(&bench.stranger(DEVICE, "<GetServices/>").await);
    assert!(services.all("Service").all(|one| one.text_at(&["Namespace"]) != Some(PTZ)));
    assert_eq!(bench.fault(PTZ, "<GetNodes/>").await.1, "ter:ActionNotSupported");
    let profile =
        bench.ask(MEDIA, "<GetProfile><ProfileToken>profile_1_main</ProfileToken></GetProfile>").await;
    assert!(profile.at(&["Profile", "PTZConfiguration"]).is_none());
    assert!(bench.ask(DEVICE, "<GetRelayOutputs/>").await.children.is_empty());
    assert!(!bench.onvif.target("h:1").scopes.iter().any(|scope| scope.ends_with("/ptz")));
}
