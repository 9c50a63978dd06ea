//! Quirks are data: rows keyed by maker, model and firmware, looked up once after the identity is known.

use crate::Identity;

/// One row of a driver's quirk table. Empty text matches everything; text matches the beginning, in any case.
#[derive(Clone, Copy, Debug)]
pub struct Quirk<T> {
    /// Beginning of the maker's name.
    pub maker: &'static str,
    /// Beginning of the model.
    pub model: &'static str,
    /// Beginning of the firmware version.
    pub firmware: &'static str,
    /// What is different.
    pub what: T,
    /// Where this is known from.
    pub source: &'static str,
}

impl<T> Quirk<T> {
    /// Whether the row is about this device.
    pub fn applies(&self, identity: &Identity) -> bool {
        let begins = |text: &str, with: &str| {
            text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
        };
        begins(&identity.maker, self.maker)
            && begins(&identity.model, self.model)
            && begins(&identity.firmware, self.firmware)
    }
}

/// All quirks of a device.
pub fn quirks<'a, T>(table: &'a [Quirk<T>], identity: &'a Identity) -> impl Iterator<Item = &'a T> {
    table.iter().filter(|row| row.applies(identity)).map(|row| &row.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_match_the_beginning_in_any_case() {
        let table = [
            Quirk { maker: "acme", model: "", firmware: "2.", what: 'a', source: "" },
            Quirk { maker: "", model: "X1", firmware: "", what: 'b', source: "" },
            Quirk { maker: "other", model: "", firmware: "", what: 'c', source: "" },
        ];
        let identity = Identity {
            maker: "ACME Inc".into(),
            model: "x1-PRO".into(),
            firmware: "2.8".into(),
            ..Identity::default()
        };
        assert_eq!(quirks(&table, &identity).collect::<String>(), "ab");
        assert_eq!(quirks(&table, &Identity::default()).count(), 0);
    }
}
