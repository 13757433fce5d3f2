//! A slot for a user's callback.

use parking_lot::Mutex;

/// Holds a callback and calls it outside of any lock, so that it may set another, close its owner, or call back into
/// the engine.
pub(crate) struct Callback<F: ?Sized>(Mutex<(u64, Option<Box<F>>)>);

impl<F: ?Sized> Default for Callback<F> {
    fn default() -> Self {
        Self(Mutex::new((0, None)))
    }
}

impl<F: ?Sized> Callback<F> {
    pub(crate) fn set(&self, callback: Option<Box<F>>) {
        let mut slot = self.0.lock();
        slot.0 += 1;
        let old = std::mem::replace(&mut slot.1, callback);
        drop(slot);
        drop(old);
    }

    /// Lends the callback to `call`, if there is one. It is put back unless it was replaced in the meantime.
    pub(crate) fn with(&self, call: impl FnOnce(&mut F)) {
        let (version, callback) = {
            let mut slot = self.0.lock();
            (slot.0, slot.1.take())
        };
        let Some(mut callback) = callback else { return };
        call(&mut callback);
        let mut slot = self.0.lock();
        if slot.0 == version {
            slot.1 = Some(callback);
        }
    }
}

#[cfg(test)]
mod tests;
