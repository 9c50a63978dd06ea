//! What is different on devices known by name: data, looked up once the identity is known. What many devices do is
//! tolerated for all of them where it is read.

use bartizan_device::{Identity, Quirk, quirks};

/// A difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// GetPresets lists every place there is, also in a short list.
    ListsEmptyPresets,
}

const TABLE: &[Quirk<What>] = &[
    Quirk {
        maker: "REOLINK",
        model: "",
        firmware: "",
        what: What::ListsEmptyPresets,
        source: "public client code of home automation; ONVIF fact sheet, PTZ",
    },
    Quirk {
        maker: "HIKVISION",
        model: "",
        firmware: "",
        what: What::ListsEmptyPresets,
        source: "public client code of home automation; ONVIF fact sheet, PTZ",
    },
];

/// The quirks of a device.
pub(crate) fn of(identity: &Identity) -> Vec<What> {
    quirks(TABLE, identity).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_apply_by_maker() {
        let of_maker = |maker: &str| of(&Identity { maker: maker.into(), ..Identity::default() });
        assert_eq!(of_maker("Hikvision Digital"), [What::ListsEmptyPresets]);
        assert_eq!(of_maker("Mockup Manufacturer"), []);
    }
}
