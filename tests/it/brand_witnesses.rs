//! Clients we did not write must be able to ask, watch and move simulated ISAPI and Dahua devices: PyPI's
//! `hikvisionapi`, `pyHik` and `amcrest`.

use std::net::Ipv4Addr;

use bartizan_sim::{Brand, BrandUnit, SiteConfig, UnitConfig};
use serde_json::{Value, json};

use crate::{
    support::USER,
    witness::{python, script},
};

const PASSWORD: &str = "bartizan1";

async fn started(brand: Brand) -> BrandUnit {
    let channels = vec![("Front gate".into(), None), ("Yard".into(), None)];
    let config = UnitConfig { name: "Simulated unit".into(), channels, ..UnitConfig::default() };
    let ports = [Some(0), None, Some(0)];
    BrandUnit::start(brand, config, SiteConfig::default(), Ipv4Addr::LOCALHOST, ports).await.expect("starts")
}

/// What a witness saw; `None` where there is no Python to run it.
async fn ask(unit: &BrandUnit, venv: &str, packages: &[&str], name: &str) -> Option<Value> {
    let interpreter = python(venv, packages).await?;
    let at = unit.http();
    let arguments = [at.ip().to_string(), at.port().to_string(), USER.into(), PASSWORD.into()];
    script(&interpreter, name, &arguments).await
}

#[tokio::test]
async fn hikvisionapi_and_pyhik_ask_watch_and_move() {
    let unit = started(Brand::Isapi).await;
    let packages = ["hikvisionapi==0.3.2", "pyHik==0.4.8"];
    let Some(seen) = ask(&unit, "isapi", &packages, "witness_isapi.py").await else { return };
    let config = unit.unit.config();
    assert_eq!(seen["model"], config.model.as_str());
    assert_eq!(seen["streams"], json!(["101", "102", "201", "202"]));
    assert_eq!(seen["jpeg"], "ffd8");
    assert_eq!(seen["moved"], "OK");
    assert_eq!(seen["presets"], json!(["Gate", "Door"]));
    assert_eq!(seen["name"], config.name.as_str());
    assert_eq!(seen["sensors"], json!({ "Motion": 2 }));
    let place = unit.unit.view(1).expect("a channel").place;
    assert!(place[0] > 0.0, "the head really turned right: {place:?}");
    assert_eq!(unit.unit.refusals(), 0);
}

#[tokio::test]
async fn amcrest_asks_watches_and_moves() {
    let unit = started(Brand::Dahua).await;
    let Some(seen) = ask(&unit, "amcrest", &["amcrest==1.9.9"], "witness_amcrest.py").await else { return };
    let config = unit.unit.config();
    assert_eq!(seen["name"], config.name.as_str());
    assert_eq!(seen["serial"], config.serial.as_str());
    assert_eq!(seen["kind"], config.model.as_str());
    assert!(seen["titles"].as_str().is_some_and(|titles| titles.contains("Yard")), "{seen}");
    assert_eq!(seen["channels"], 2);
    assert_eq!(seen["jpeg"], "ffd8");
    assert_eq!(seen["presets"], 2);
    assert_eq!(seen["moved"], true);
    let place = unit.unit.view(1).expect("a channel").place;
    assert!(place[0] > 0.0, "the head really turned right: {place:?}");
    assert_eq!(unit.unit.refusals(), 0);
}
