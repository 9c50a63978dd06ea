//! Counts wrong passwords and locks the account, as devices do: one count for all languages they speak.

use std::time::Duration;

use tokio::time::Instant;

use super::LoginOutcome;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Wrong ones in a row.
    wrong: u32,
    locked_until: Option<Instant>,
    /// Wrong ones ever.
    pub refusals: u32,
}

impl Ledger {
    pub fn login(&mut self, right: bool, tries: u32, lock: Duration, now: Instant) -> LoginOutcome {
        if !right {
            self.refusals += 1;
        }
        if let Some(until) = self.locked_until {
            if now < until {
                return LoginOutcome::Locked { left: until - now };
            }
            (self.locked_until, self.wrong) = (None, 0);
        }
        if right {
            self.wrong = 0;
            return LoginOutcome::Granted;
        }
        self.wrong += 1;
        if self.wrong >= tries {
            self.locked_until = Some(now + lock);
            return LoginOutcome::Locked { left: lock };
        }
        LoginOutcome::Refused { left: tries - self.wrong }
    }

    pub fn state(&self, tries: u32, now: Instant) -> LoginOutcome {
        match self.locked_until {
            Some(until) if now < until => LoginOutcome::Locked { left: until - now },
            Some(_) => LoginOutcome::Refused { left: tries },
            None => LoginOutcome::Refused { left: tries.saturating_sub(self.wrong) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_wrong_password_locks_even_the_right_one_out() {
        let (start, lock) = (Instant::now(), Duration::from_secs(60));
        let mut ledger = Ledger::default();
        for left in [4, 3, 2, 1] {
            assert_eq!(ledger.login(false, 5, lock, start), LoginOutcome::Refused { left });
        }
        assert_eq!(ledger.login(false, 5, lock, start), LoginOutcome::Locked { left: lock });
        assert!(matches!(ledger.login(true, 5, lock, start), LoginOutcome::Locked { .. }));
        assert_eq!(ledger.login(true, 5, lock, start + lock), LoginOutcome::Granted);
        assert_eq!((ledger.state(5, start + lock), ledger.refusals), (LoginOutcome::Refused { left: 5 }, 5));
    }
}
