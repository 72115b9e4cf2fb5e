//! The batches of loads that a viewer has not read yet, by the entity that they load.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// One batch of any type for each entity.
#[derive(Default)]
pub(super) struct Batches(Mutex<HashMap<TypeId, Box<dyn Any + Send>>>);

impl Batches {
    /// Calls `join` with the entity's batch, or stores the batch that `begin` makes.
    pub(super) fn join_or_begin<E: 'static, B: Send + 'static, T>(
        &self,
        join: impl FnOnce(&mut B) -> T,
        begin: impl FnOnce() -> (B, T),
    ) -> T {
        let mut batches = self.lock();
        let batch = batches.get_mut(&TypeId::of::<E>());
        if let Some(batch) = batch.and_then(|batch| batch.downcast_mut()) {
            return join(batch);
        }
        let (batch, result) = begin();
        batches.insert(TypeId::of::<E>(), Box::new(batch));
        result
    }

    /// Closes the entity's batch: later loads begin another.
    pub(super) fn close<E: 'static, B: 'static>(&self) -> Option<B> {
        let batch = self.lock().remove(&TypeId::of::<E>())?;
        batch.downcast().ok().map(|batch| *batch)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TypeId, Box<dyn Any + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
