//! Stores a viewer's pending batches of loads, one for each entity.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The pending batch of each entity, of any type.
#[derive(Default)]
pub(super) struct Batches(Mutex<HashMap<TypeId, Box<dyn Any + Send>>>);

impl Batches {
    /// Calls `join` with the entity's pending batch. If none is pending, stores the batch that
    /// `begin` returns.
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

    /// Removes and returns the entity's pending batch; later loads begin another one.
    pub(super) fn close<E: 'static, B: 'static>(&self) -> Option<B> {
        let batch = self.lock().remove(&TypeId::of::<E>())?;
        batch.downcast().ok().map(|batch| *batch)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TypeId, Box<dyn Any + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
