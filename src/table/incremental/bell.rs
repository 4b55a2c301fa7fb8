//! What wakes the helper thread, and ends it.

use parking_lot::{Condvar, Mutex};

/// What the helper waits at.
#[derive(Default)]
pub(super) struct Bell {
    rung: Mutex<Call>,
    changed: Condvar,
}

/// What the helper is wanted for.
#[derive(Clone, Copy, Default, PartialEq)]
enum Call {
    #[default]
    Nothing,
    Grow,
    Stop,
}

impl Bell {
    /// Wakes the helper: the table may be full.
    pub(super) fn ring(&self) {
        self.call(Call::Grow);
    }

    /// Ends the helper: it stops at its next look.
    pub(super) fn stop(&self) {
        self.call(Call::Stop);
    }

    fn call(&self, call: Call) {
        let mut rung = self.rung.lock();
        if *rung != Call::Stop {
            *rung = call;
        }
        drop(rung);
        self.changed.notify_one();
    }

    /// Waits for a call; false if it is to stop.
    pub(super) fn wait(&self) -> bool {
        let mut rung = self.rung.lock();
        self.changed
            .wait_while(&mut rung, |rung| *rung == Call::Nothing);
        if *rung == Call::Stop {
            return false;
        }
        *rung = Call::Nothing;
        true
    }

    /// Whether the helper is to stop.
    pub(super) fn stopped(&self) -> bool {
        *self.rung.lock() == Call::Stop
    }
}
