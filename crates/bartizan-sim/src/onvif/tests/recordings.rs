//! What a client finds of recordings, and that it finds nothing where there is no Profile G.

use super::*;

fn bench() -> Bench {
    let channels = vec![("Gate".into(), None), ("Yard".into(), None)];
    let unit = Unit::new(UnitConfig { channels, profile_g: true, ..UnitConfig::default() });
    let at = |second: i64| UtcMicros((1_782_864_000 + second) * 1_000_000);
    unit.set_recordings(1, Some(vec![(at(0), at(60)), (at(90), at(120))]));
    unit.set_recordings(2, Some(Vec::new()));
    Bench { onvif: Onvif::new(Arc::new(unit), 554, OnvifQuirks::default()) }
}

#[tokio::test]
async fn recordings_are_listed_and_described() {
    let bench = bench();
    let services =
        bench.ask(DEVICE, "<GetServices><IncludeCapability>true</IncludeCapability></GetServices>").await;
    assert_eq!(services.all("Service").count(), 10);
    let older = bench.ask(DEVICE, "<GetCapabilities/>").await;
    let replay = ["Capabilities", "Extension", "Replay", "XAddr"];
    assert_eq!(older.text_at(&replay), Some("http://camera.example:8000/onvif/replay_service"));
    let all = bench.ask(RECORDING, "<GetRecordings/>").await;
    let items: Vec<_> = all.all("RecordingItem").collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].text_at(&["RecordingToken"]), Some("rec2"));
    assert_eq!(items[1].text_at(&["Configuration", "Source", "SourceId"]), Some("source_2"));
    assert_eq!(items[0].text_at(&["Tracks", "Track", "Configuration", "TrackType"]), Some("Video"));
    let ask = "<GetRecordingInformation><RecordingToken>rec1</RecordingToken></GetRecordingInformation>";
    let one = bench.ask(SEARCH, ask).await;
    let text = |path: &[&str]| one.child("RecordingInformation").unwrap().text_at(path).map(str::to_owned);
    assert_eq!(text(&["EarliestRecording"]).as_deref(), Some("2026-07-01T00:00:00Z"));
    assert_eq!(text(&["Track", "DataTo"]).as_deref(), Some("2026-07-01T00:02:00Z"));
    assert_eq!(text(&["RecordingStatus"]).as_deref(), Some("Recording"));
    let ask = |token: &str| format!("<GetReplayUri><RecordingToken>{token}</RecordingToken></GetReplayUri>");
    let uri = bench.ask(REPLAY, &ask("rec2")).await;
    assert_eq!(uri.text_at(&["Uri"]), Some("rtsp://127.0.0.1:554/replay/rec2"));
    assert_eq!(bench.fault(REPLAY, &ask("rec3")).await, (400, "ter:InvalidArgVal ter:NoRecording".into()));
}

#[tokio::test]
async fn a_search_tells_each_once() {
    let bench = bench();
    let begin = async |scope: &str| {
        let find = format!(
            "<FindRecordings><Scope>{scope}</Scope><KeepAliveTime>PT10S</KeepAliveTime></FindRecordings>"
        );
        bench.ask(SEARCH, &find).await.text_at(&["SearchToken"]).unwrap().to_owned()
    };
    let next = async |token: &str| {
        let ask = format!(
            "<GetRecordingSearchResults><SearchToken>{token}</SearchToken><MaxResults>1</MaxResults>\
             </GetRecordingSearchResults>"
        );
        let found = bench.ask(SEARCH, &ask).await;
        let list = found.child("ResultList").unwrap();
        let tokens = list.all("RecordingInformation").filter_map(|one| one.text_at(&["RecordingToken"]));
        format!("{} {}", list.text_at(&["SearchState"]).unwrap(), tokens.collect::<String>())
    };
    let token = begin("").await;
    assert_eq!(next(&token).await, "Searching rec1");
    assert_eq!(next(&token).await, "Completed rec2");
    assert_eq!(next(&token).await, "Completed ");
    let end = format!("<EndSearch><SearchToken>{token}</SearchToken></EndSearch>");
    assert!(bench.ask(SEARCH, &end).await.text_at(&["Endpoint"]).is_some());
    assert_eq!(bench.fault(SEARCH, &end).await.0, 400);
    let one = begin("<IncludedRecordings>rec2</IncludedRecordings>").await;
    assert_eq!(next(&one).await, "Completed rec2");
}

#[tokio::test]
async fn without_profile_g_there_is_none() {
    let bench = Bench::new(|_| {});
    assert_eq!(bench.fault(RECORDING, "<GetRecordings/>").await, (500, "ter:ActionNotSupported".into()));
    let services = bench.ask(DEVICE, "<GetServices/>").await;
    assert_eq!(services.all("Service").count(), 7);
}
