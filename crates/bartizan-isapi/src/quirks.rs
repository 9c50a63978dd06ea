//! What is different by maker, model and firmware, as data.

use bartizan_device::{Identity, Quirk};

/// A difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The rectangle of `position3D` counts from the upper edge.
    Position3dFromTop,
}

const TABLE: &[Quirk<Difference>] = &[Quirk {
    maker: "",
    model: "DS-2DE4",
    firmware: "",
    what: Difference::Position3dFromTop,
    source: "third-party ISAPI notes: inverted origin on some of this series; not verified on hardware",
}];

pub(crate) fn has(identity: &Identity, difference: Difference) -> bool {
    bartizan_device::quirks(TABLE, identity).any(|row| *row == difference)
}

/// What applies to a device, for people to read.
pub(crate) fn names(identity: &Identity) -> Vec<String> {
    TABLE
        .iter()
        .filter(|row| row.applies(identity))
        .map(|row| format!("quirk {:?}: {}", row.what, row.source))
        .collect()
}
