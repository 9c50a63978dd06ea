//! Which crate may name which, and where the few dangerous dependencies live.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use tokio::{process::Command, time::timeout};

use crate::support::{PATIENCE, workspace};

/// Every crate with the crates of the workspace that it may name outside tests. Upper floors name lower ones, never
/// back, and siblings never.
const EDGES: &[(&str, &[&str])] = &[
    ("bartizan-base", &[]),
    ("bartizan-media", &["bartizan-base"]),
    ("bartizan-device", &["bartizan-base", "bartizan-media"]),
    ("bartizan-rtsp", &["bartizan-base", "bartizan-media", "bartizan-device"]),
    ("bartizan-http", &["bartizan-base", "bartizan-media", "bartizan-device"]),
    ("bartizan-onvif", &["bartizan-base", "bartizan-media", "bartizan-device", "bartizan-http"]),
    ("bartizan-isapi", &["bartizan-base", "bartizan-media", "bartizan-device", "bartizan-http"]),
    ("bartizan-dahua", &["bartizan-base", "bartizan-media", "bartizan-device", "bartizan-http"]),
    ("bartizan-qr", &["bartizan-base"]),
    ("bartizan-decode", &["bartizan-base", "bartizan-media", "bartizan-device"]),
    ("bartizan-store", &["bartizan-base", "bartizan-media", "bartizan-device"]),
    (
        "bartizan-app",
        &[
            "bartizan-base",
            "bartizan-media",
            "bartizan-device",
            "bartizan-rtsp",
            "bartizan-http",
            "bartizan-onvif",
            "bartizan-isapi",
            "bartizan-dahua",
            "bartizan-qr",
            "bartizan-decode",
            "bartizan-store",
        ],
    ),
    ("bartizan-api", &["bartizan-base", "bartizan-media", "bartizan-device", "bartizan-app"]),
    ("bartizan-web", &["bartizan-base", "bartizan-app", "bartizan-api"]),
    ("bartizan", &["bartizan-base", "bartizan-app", "bartizan-api"]),
    ("bartizan-sim", &["bartizan-base", "bartizan-media"]),
    ("bartizan-tests", &[]),
    ("xtask", &["bartizan-base", "bartizan-api", "bartizan-qr"]),
];

/// Dependencies that only the named crates may have, of any kind.
const HOMES: &[(&str, &[&str])] = &[
    ("retina", &["bartizan-rtsp"]),
    ("openh264", &["bartizan-decode", "bartizan-sim"]),
    ("rusqlite", &["bartizan-store"]),
    ("tauri", &["bartizan"]),
    ("axum", &["bartizan-web", "bartizan-sim"]),
    ("bartizan-sim", &["bartizan-tests"]),
];

const LONGEST_FILE: usize = 650;

async fn metadata() -> Metadata {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(workspace())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, run).await.expect("cargo metadata ends").expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    MetadataCommand::parse(String::from_utf8(output.stdout).expect("UTF-8")).expect("metadata")
}

fn names<'a>(package: &'a Package, kinds: &'a [DependencyKind]) -> impl Iterator<Item = &'a str> {
    let of_kind = |kind: &DependencyKind| kinds.contains(kind);
    package.dependencies.iter().filter(move |one| of_kind(&one.kind)).map(|one| one.name.as_str())
}

#[tokio::test]
async fn crates_name_only_what_lies_below_them() {
    let metadata = metadata().await;
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let table: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    assert_eq!(ours, table.keys().copied().collect(), "every crate of the workspace has a row");
    for package in &metadata.packages {
        let allowed = table[package.name.as_str()];
        for name in names(package, &[DependencyKind::Normal, DependencyKind::Build]) {
            assert!(!ours.contains(name) || allowed.contains(&name), "{} may not name {name}", package.name);
        }
    }
}

#[tokio::test]
async fn dangerous_dependencies_stay_at_home() {
    let metadata = metadata().await;
    let any = [DependencyKind::Normal, DependencyKind::Build, DependencyKind::Development];
    for (dependency, homes) in HOMES {
        let mut used = false;
        for package in
            metadata.packages.iter().filter(|package| names(package, &any).any(|one| one == *dependency))
        {
            used = true;
            assert!(homes.contains(&package.name.as_str()), "{} may not name {dependency}", package.name);
        }
        assert!(used, "nobody uses {dependency}: the row is out of date");
    }
    for package in &metadata.packages {
        let shipped =
            names(package, &[DependencyKind::Normal, DependencyKind::Build]).any(|one| one == "bartizan-sim");
        assert!(!shipped, "{} ships the simulator", package.name);
    }
}

/// Source files of ours under `folder`.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    const NOT_OURS: &[&str] = &["node_modules", "target", "dist", "gen", "out", "public"];
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("a folder entry").path()) {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_dir() && !NOT_OURS.contains(&name) && !name.starts_with('.') {
            sources(&path, found);
        } else if matches!(path.extension().and_then(OsStr::to_str), Some("rs" | "ts" | "vue" | "mjs"))
            && name != "generated.ts"
        {
            found.push(path);
        }
    }
}

fn our_sources(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        sources(&workspace().join(folder), &mut found);
    }
    assert!(found.len() > 20, "the sources are found");
    found
}

#[test]
fn files_stay_readable() {
    let long: Vec<_> = our_sources(&["crates", "src-tauri", "tests", "xtask", "ui"])
        .into_iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).ok()?.lines().count();
            (lines > LONGEST_FILE).then_some((path, lines))
        })
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST_FILE} lines: {long:?}");
}

#[test]
fn only_the_platform_folder_knows_tauri() {
    let home = workspace().join("ui/src/platform/tauri");
    for path in our_sources(&["ui/src"]) {
        let text = fs::read_to_string(&path).expect("readable");
        let inside = path.starts_with(&home);
        assert!(inside || !text.contains("@tauri-apps/"), "{} imports the shell", path.display());
    }
}

#[test]
fn the_pages_types_are_fresh() {
    let written = fs::read_to_string(workspace().join("ui/src/api/generated.ts")).expect("generated.ts");
    assert!(written == bartizan_api::typescript(), "stale: run `cargo xtask codegen`");
}
