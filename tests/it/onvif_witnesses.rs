//! ONVIF clients we did not write must be able to find, ask, watch and move a simulated unit: PyPI's `onvif-zeep`,
//! `onvif-zeep-async` and `WSDiscovery`, npm's `onvif`, and ffprobe on the address they are given.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use bartizan_sim::{OnvifDiscovery, OnvifQuirks, OnvifServer, Site, SiteConfig, Unit, UnitConfig};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    support::USER,
    witness::{LIMIT, npm, python, run, script},
};

const PASSWORD: &str = "bartizan1";
/// A unit with two cameras, the first of which moves: its streams, its ONVIF, and its answers to discovery.
struct Device {
    unit: Arc<Unit>,
    site: Site,
    onvif: OnvifServer,
}

impl Device {
    async fn start(serial: &str, mac: &str) -> Self {
        let channels = vec![("Front gate".into(), None), ("Yard".into(), None)];
        let (serial, mac) = (serial.into(), mac.into());
        let unit = Arc::new(Unit::new(UnitConfig { serial, mac, channels, ..UnitConfig::default() }));
        let site = SiteConfig { unit: Some(unit.clone()), ..SiteConfig::default() };
        let site = Site::start(site).await.unwrap();
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let rtsp = site.addr().port();
        let onvif = OnvifServer::start(unit.clone(), host, 0, rtsp, OnvifQuirks::default()).await.unwrap();
        Self { unit, site, onvif }
    }

    /// Host, port, name and password, as all the scripts take them.
    fn arguments(&self) -> Vec<String> {
        let addr = self.onvif.addr();
        [addr.ip().to_string(), addr.port().to_string(), USER.into(), PASSWORD.into()].into()
    }

    /// Whoever asked found the streams where they are, and ffprobe does too.
    async fn assert_stream(&self, seen: &Value) {
        let stream = seen["stream"].as_str().unwrap();
        let port = self.site.addr().port();
        let plain =
            format!("rtsp://127.0.0.1:{port}/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif");
        let login = plain.replace("rtsp://", &format!("rtsp://{USER}:{PASSWORD}@"));
        assert_eq!(stream, plain);
        let mut probe = Command::new("ffprobe");
        probe.args([
            "-v",
            "error",
            "-rtsp_transport",
            "tcp",
            "-show_entries",
            "stream=codec_name,width,height",
        ]);
        probe.args(["-of", "compact=p=0", &login]);
        let Some(shown) = run(&mut probe, LIMIT).await else { return };
        let shown = shown.unwrap_or_else(|error| panic!("{}", error.replace(PASSWORD, "***")));
        assert!(shown.lines().any(|line| line == "codec_name=h264|width=1280|height=720"), "{shown}");
    }

    fn login(&self) -> String {
        let port = self.site.addr().port();
        format!(
            "rtsp://{USER}:{PASSWORD}@127.0.0.1:{port}/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif"
        )
    }

    /// The luma of one decoded picture, shrunk to 64×36; `None` where ffmpeg is not installed.
    async fn picture(&self) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("luma");
        let mut grab = Command::new("ffmpeg");
        grab.args([
            "-v",
            "error",
            "-analyzeduration",
            "5000000",
            "-rtsp_transport",
            "tcp",
            "-i",
            &self.login(),
            "-frames:v",
            "1",
        ]);
        grab.args(["-vf", "scale=64:36", "-pix_fmt", "gray", "-f", "rawvideo"]).arg(&file);
        run(&mut grab, LIMIT).await?.unwrap_or_else(|error| panic!("{}", error.replace(PASSWORD, "***")));
        let luma = fs::read(file).unwrap();
        assert_eq!(luma.len(), 64 * 36);
        Some(luma)
    }

    /// What the camera sends now is not what it sent before, by far more than what moves in the scene.
    async fn assert_seen_moved(&self, before: Option<Vec<u8>>) {
        let (Some(before), Some(after)) = (before, self.picture().await) else { return };
        let still = self.picture().await.unwrap_or_default();
        let differs = |a: &[u8], b: &[u8]| {
            a.iter().zip(b).map(|(a, b)| f32::from(a.abs_diff(*b))).sum::<f32>() / 2304.0
        };
        let (moved, still) = (differs(&before, &after), differs(&after, &still));
        assert!(moved > 4.0 && moved > 4.0 * still, "{moved} after the moves, {still} at rest");
    }

    /// The unit itself agrees about where the witness left it.
    fn assert_place(&self, seen: &Value) {
        let place = self.unit.view(1).unwrap().place;
        let told: Vec<f32> = serde_json::from_value(seen["place"].clone()).unwrap();
        assert!(place.iter().zip(&told).all(|(own, told)| (own - told).abs() < 0.001), "{place:?} {told:?}");
        assert_ne!(place, [0.0; 3]);
    }

    /// Only what was sent wrong on purpose was wrong.
    fn assert_refusals(&self, wrong: u32) {
        assert_eq!(self.unit.refusals(), wrong);
    }

    async fn stop(self) {
        drop(self.onvif);
        self.site.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn onvif_zeep_reads_everything_strictly_and_moves() {
    let Some(python) = python("onvif-zeep-0.2.12", &["onvif-zeep==0.2.12", "zeep==4.3.3"]).await else {
        return;
    };
    let device = Device::start("BZ-WITNESS-1", "02:00:00:00:01:01").await;
    let before = device.picture().await;
    let Some(seen) = script(&python, "witness_onvif_zeep.py", &device.arguments()).await else { return };
    assert_eq!(seen["serial"], "BZ-WITNESS-1");
    assert_eq!(seen["mac"], "02:00:00:00:01:01");
    assert_eq!(seen["sources"], json!(["source_1", "source_2"]));
    assert_eq!(seen["profiles"].as_array().unwrap().len(), 4);
    assert_eq!(seen["services"].as_array().unwrap().len(), 7);
    assert_eq!(seen["users"], json!([[USER, "Administrator"]]));
    assert_eq!(seen["brightness"], json!([0.0, 255.0]));
    assert_eq!(seen["presets"].as_object().unwrap().len(), 3);
    assert!(seen["snapshot_bytes"].as_u64().unwrap() > 10_000);
    device.assert_stream(&seen).await;
    device.assert_place(&seen);
    device.assert_seen_moved(before).await;
    device.assert_refusals(0);
    let view = device.unit.view(1).unwrap();
    assert_eq!((view.picture.brightness, view.auto_focus, view.key_requests), (100.0, false, 1));
    assert!(device.unit.outputs()[0].on);
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn onvif_zeep_async_and_ws_discovery_find_and_move() {
    let packages = ["onvif-zeep-async==4.3.0", "zeep==4.3.3", "WSDiscovery==2.1.2"];
    let Some(python) = python("onvif-zeep-async-4.3.0", &packages).await else { return };
    let (device, other) = (
        Device::start("BZ-WITNESS-2", "02:00:00:00:01:02").await,
        Device::start("BZ-WITNESS-3", "02:00:00:00:01:03").await,
    );
    let both = [&device.onvif, &other.onvif];
    let discovery = OnvifDiscovery::start(Ipv4Addr::LOCALHOST, &both).await.unwrap();
    let mut arguments = device.arguments();
    arguments.push(device.onvif.endpoint());
    let before = device.picture().await;
    let Some(seen) = script(&python, "witness_onvif_async.py", &arguments).await else { return };
    assert_eq!(seen["discovered"]["xaddrs"], json!([device.onvif.url()]));
    assert!(seen["discovered"]["scopes"].to_string().contains("onvif://www.onvif.org/hardware/SIM-1"));
    assert_eq!(seen["serial"], "BZ-WITNESS-2");
    assert_eq!(seen["profiles"].as_array().unwrap().len(), 4);
    assert!(seen["snapshot_bytes"].as_u64().unwrap() > 10_000);
    device.assert_stream(&seen).await;
    device.assert_place(&seen);
    device.assert_seen_moved(before).await;
    device.assert_refusals(1);
    assert_eq!(device.onvif.subscriptions(), 0, "it unsubscribed");
    discovery.shutdown().await;
    device.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_onvif_finds_and_moves() {
    let Some(modules) = npm("npm-onvif-0.8.3", "onvif@0.8.3").await else { return };
    let device = Device::start("BZ-WITNESS-4", "02:00:00:00:01:04").await;
    let discovery = OnvifDiscovery::start(Ipv4Addr::LOCALHOST, &[&device.onvif]).await.unwrap();
    let mut arguments = device.arguments();
    arguments.insert(0, modules.display().to_string());
    arguments.push(device.onvif.endpoint());
    let before = device.picture().await;
    let Some(seen) = script(Path::new("node"), "witness_onvif_npm.mjs", &arguments).await else { return };
    assert_eq!(seen["xaddrs"], device.onvif.url());
    assert_eq!(seen["media2"], true);
    assert_eq!(seen["serial"], "BZ-WITNESS-4");
    assert_eq!(seen["sources"], json!(["source_1", "source_2"]));
    assert_eq!(seen["profiles"].as_array().unwrap().len(), 4);
    assert!(seen["snapshotBytes"].as_u64().unwrap() > 10_000);
    device.assert_stream(&seen).await;
    device.assert_place(&seen);
    device.assert_seen_moved(before).await;
    device.assert_refusals(1);
    assert_eq!(device.onvif.subscriptions(), 0, "it unsubscribed");
    discovery.shutdown().await;
    device.stop().await;
}
