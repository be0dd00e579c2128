//! Ending in order: first no new work, then no work at all.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    Draining,
    Stopped,
}

/// The hand that ends listeners and their connections. Dropping it stops them.
#[derive(Debug)]
pub struct Drain {
    stage: watch::Sender<Stage>,
}

/// The view of a [`Drain`] that listeners and connections have.
#[derive(Clone, Debug)]
pub struct Draining {
    stage: watch::Receiver<Stage>,
}

impl Default for Drain {
    fn default() -> Self {
        Self { stage: watch::channel(Stage::Serving).0 }
    }
}

impl Drain {
    /// A view of it.
    #[must_use]
    pub fn watch(&self) -> Draining {
        Draining { stage: self.stage.subscribe() }
    }

    /// No new connections; those that are open finish the request they are at.
    pub fn start(&self) {
        self.reach(Stage::Draining);
    }

    /// Every connection ends now.
    pub fn stop(&self) {
        self.reach(Stage::Stopped);
    }

    fn reach(&self, stage: Stage) {
        self.stage.send_if_modified(|now| {
            let later = *now < stage;
            *now = (*now).max(stage);
            later
        });
    }
}

impl Draining {
    /// Was [`Drain::start`] called?
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.stage.borrow() >= Stage::Draining || self.stage.has_changed().is_err()
    }

    pub(super) async fn draining(&mut self) {
        // A dropped hand ends everything: the error means that too.
        let _ = self.stage.wait_for(|s| *s >= Stage::Draining).await;
    }

    pub(super) async fn stopped(&mut self) {
        let _ = self.stage.wait_for(|s| *s >= Stage::Stopped).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_only_go_forward() {
        let drain = Drain::default();
        let watch = drain.watch();
        assert!(!watch.is_draining());
        drain.stop();
        drain.start();
        assert_eq!(*watch.stage.borrow(), Stage::Stopped);
        assert!(watch.is_draining());
    }

    #[test]
    fn a_dropped_hand_ends_everything() {
        let watch = Drain::default().watch();
        assert!(watch.is_draining());
    }
}
