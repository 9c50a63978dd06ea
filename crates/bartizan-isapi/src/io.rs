//! Alarm outputs (`/ISAPI/System/IO/outputs`).

use bartizan_device::AlarmOutput;
use bartizan_http::xml::Element;

/// Reads an `IOOutputPortList`.
pub(crate) fn outputs(root: &Element) -> Vec<AlarmOutput> {
    root.children("IOOutputPort")
        .filter_map(|port| {
            let name = ["outputName", "name", "IOUseInfo/IOName", "IOPortName"]
                .iter()
                .find_map(|path| port.text(path));
            Some(AlarmOutput {
                token: port.text("id")?.to_owned(),
                name: name.unwrap_or("").to_owned(),
                on: state(port),
            })
        })
        .collect()
}

/// `ioState` of an `IOPortStatus`: `active` is closed.
pub(crate) fn state(root: &Element) -> Option<bool> {
    match root.descendant("ioState")?.text.to_ascii_lowercase().as_str() {
        "active" | "high" => Some(true),
        "inactive" | "low" => Some(false),
        _ => None,
    }
}

/// `IOPortData` that closes or opens an output.
pub(crate) fn trigger(on: bool) -> Element {
    Element::new("IOPortData", "").with(Element::new("outputState", if on { "high" } else { "low" }))
}
